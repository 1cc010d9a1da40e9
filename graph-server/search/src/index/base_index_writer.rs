//! Builds the base index: profiles in node order become one segment whose document numbers are the
//! nodes.
//!
//! Profiles are collected into batches. Each thread builds a segment of a batch, in a directory of
//! its own. At the end the segments are merged in order: tantivy appends documents in the order in
//! which the segments are named.
//!
//! Memory is bounded by the batches and by the segments under construction. More memory makes
//! larger batches.

use crate::index::{
    base_index::{BASE_INDEX_NAME, measure, open_base},
    document::base_document,
    field::schema,
    index_error::IndexError,
    tokens::PeopleTokenizer,
};
use cloud_engine::{FileError, FileRole, ManifestFile, NodeIndex};
use cloud_profile::ProfileRecord;
use prost::Message as _;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};
use tantivy::{
    Index, IndexSettings, TantivyDocument,
    directory::MmapDirectory,
    index::IndexBuilder,
    indexer::{SingleSegmentIndexWriter, merge_indices},
    store::Compressor,
    tokenizer::TokenizerManager,
};

/// The memory of a segment under construction, per byte of its profiles: about four times.
const SEGMENT_BYTES_PER_PROFILE_BYTE: usize = 4;
const BATCH_BYTES_MIN: usize = 4 << 10;
const BATCH_BYTES_MAX: usize = 256 << 20;
/// The memory budget by which tantivy sizes a segment's hash table. The segment itself may take
/// more.
const SEGMENT_TABLE_BYTES: usize = 32 << 20;

/// A base index that is being built.
pub struct BaseIndexWriter {
    path: PathBuf,
    batch: Batch,
    batch_bytes: usize,
    next: u32,
    batches: SyncSender<Batch>,
    builders: Vec<JoinHandle<Result<(), IndexError>>>,
}

/// Consecutive profiles, each preceded by its length.
#[derive(Default)]
struct Batch {
    number: usize,
    profiles: Vec<u8>,
}

impl BaseIndexWriter {
    /// Starts an index in this directory (`search` in a snapshot's). It is created if absent, and
    /// must not contain an index.
    ///
    /// # Errors
    /// If the system reports an error.
    pub fn create(path: &Path, memory_bytes: usize, threads: usize) -> Result<Self, IndexError> {
        fs::create_dir_all(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let threads = threads.max(1);
        let (batches, received) = sync_channel(0);
        let received = Arc::new(Mutex::new(received));
        let builder = |_| {
            let (path, received) = (path.to_owned(), Arc::clone(&received));
            thread::spawn(move || build_parts(&path, &received))
        };
        let batch_bytes = memory_bytes / (threads + 1) / (1 + SEGMENT_BYTES_PER_PROFILE_BYTE);
        Ok(Self {
            path: path.to_owned(),
            batch: Batch::default(),
            batch_bytes: batch_bytes.clamp(BATCH_BYTES_MIN, BATCH_BYTES_MAX),
            next: 0,
            batches,
            builders: (0..threads).map(builder).collect(),
        })
    }

    /// Adds the profile of the next node.
    ///
    /// # Errors
    /// If `node` is not the next one, or if building the segment of earlier profiles failed.
    pub fn push(&mut self, node: NodeIndex, profile: &ProfileRecord) -> Result<(), IndexError> {
        if node.get() != self.next {
            return Err(IndexError::NodeOutOfOrder {
                expected: NodeIndex::new(self.next),
                found: node,
            });
        }
        self.next += 1;
        let profiles = &mut self.batch.profiles;
        profile
            .encode_length_delimited(profiles)
            .map_err(|error| self.failed(io::Error::other(error)))?;
        if self.batch.profiles.len() >= self.batch_bytes {
            self.send_batch()?;
        }
        Ok(())
    }

    /// Merges all parts into one segment and syncs its files.
    ///
    /// # Errors
    /// If the system or tantivy reports an error, or the result does not have the form of a base.
    pub fn finish(mut self) -> Result<Vec<ManifestFile>, IndexError> {
        if !self.batch.profiles.is_empty() || self.batch.number == 0 {
            self.send_batch()?;
        }
        let Self {
            path,
            batch,
            next,
            batches,
            builders,
            ..
        } = self;
        drop(batches);
        join(builders)?;
        let parts: Vec<PathBuf> = (0..batch.number)
            .map(|number| part_path(&path, number))
            .collect();
        merge_parts(&path, &parts)?;
        remove_parts(&parts)?;
        open_base(&path, u64::from(next))?;
        sync_files(&path)
    }

    fn send_batch(&mut self) -> Result<(), IndexError> {
        let next = Batch {
            number: self.batch.number + 1,
            profiles: Vec::with_capacity(self.batch_bytes),
        };
        let batch = std::mem::replace(&mut self.batch, next);
        if self.batches.send(batch).is_ok() {
            return Ok(());
        }
        // All builders have ended; one of them returns the reason.
        join(std::mem::take(&mut self.builders)).and(Err(IndexError::BuilderGone))
    }

    fn failed(&self, source: io::Error) -> IndexError {
        FileError::Io {
            path: self.path.clone(),
            source,
        }
        .into()
    }
}

fn part_path(path: &Path, number: usize) -> PathBuf {
    path.join(format!(".part-{number:06}"))
}

fn join(builders: Vec<JoinHandle<Result<(), IndexError>>>) -> Result<(), IndexError> {
    let results: Vec<_> = builders.into_iter().map(JoinHandle::join).collect();
    results
        .into_iter()
        .try_for_each(|result| result.unwrap_or(Err(IndexError::BuilderGone)))
}

/// Builds a segment of each batch received; runs on a builder thread.
fn build_parts(path: &Path, received: &Mutex<Receiver<Batch>>) -> Result<(), IndexError> {
    loop {
        let next = received.lock().map_err(|_| IndexError::BuilderGone)?.recv();
        let Ok(batch) = next else { return Ok(()) };
        build_part(&part_path(path, batch.number), &batch.profiles)?;
    }
}

fn build_part(path: &Path, mut profiles: &[u8]) -> Result<(), IndexError> {
    let io = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let error = IndexError::tantivy(path);
    fs::create_dir(path).map_err(io)?;
    let directory = MmapDirectory::open(path).map_err(|source| error(source.into()))?;
    let mut writer: SingleSegmentIndexWriter<TantivyDocument> = index_builder()
        .single_segment_index_writer(directory, SEGMENT_TABLE_BYTES)
        .map_err(&error)?;
    while !profiles.is_empty() {
        let profile = ProfileRecord::decode_length_delimited(&mut profiles)
            .map_err(|error| io(io::Error::other(error)))?;
        writer
            .add_document(base_document(&profile))
            .map_err(&error)?;
    }
    writer.finalize().map_err(&error)?;
    Ok(())
}

/// Returns the settings of both indexes. Documents store nothing, since the profiles are kept
/// elsewhere.
pub(crate) fn index_builder() -> IndexBuilder {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(PeopleTokenizer::NAME, PeopleTokenizer);
    let settings = IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    Index::builder()
        .schema(schema())
        .settings(settings)
        .tokenizers(tokenizers)
}

/// Merges the parts into one index in `path`.
fn merge_parts(path: &Path, parts: &[PathBuf]) -> Result<(), IndexError> {
    let error = IndexError::tantivy(path);
    let io = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    if let [part] = parts {
        for entry in fs::read_dir(part).map_err(io)? {
            let entry = entry.map_err(io)?;
            fs::rename(entry.path(), path.join(entry.file_name())).map_err(io)?;
        }
    } else {
        let open = |part: &PathBuf| Index::open_in_dir(part);
        let indices = parts
            .iter()
            .map(open)
            .collect::<tantivy::Result<Vec<_>>>()
            .map_err(&error)?;
        let directory = MmapDirectory::open(path).map_err(|source| error(source.into()))?;
        merge_indices(&indices, directory).map_err(&error)?;
    }
    Ok(())
}

fn remove_parts(parts: &[PathBuf]) -> Result<(), FileError> {
    parts.iter().try_for_each(|part| {
        fs::remove_dir_all(part).map_err(|source| FileError::Io {
            path: part.clone(),
            source,
        })
    })
}

/// Syncs the index and returns its files.
pub(crate) fn sync_files(path: &Path) -> Result<Vec<ManifestFile>, IndexError> {
    let io = |source| FileError::Io {
        path: path.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            // Locks, and the list for tantivy's garbage collection: useless in an immutable index.
            fs::remove_file(entry.path()).map_err(io)?;
            continue;
        }
        fs::File::open(entry.path())
            .and_then(|file| file.sync_all())
            .map_err(io)?;
        let (bytes, crc32c) = measure(&entry.path())?;
        let name = format!("{BASE_INDEX_NAME}/{name}");
        files.push(ManifestFile::new(
            FileRole::SearchIndex,
            name,
            bytes,
            crc32c,
        ));
    }
    fs::File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(io)?;
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}
