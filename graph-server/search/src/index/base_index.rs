//! The base index: the snapshot's members in one immutable segment, in which document numbers are
//! nodes.
//!
//! No document is ever deleted from it. Members that changed or were removed since are a set of
//! *superseded* nodes, which a search skips. Every score uses the statistics of this index, so no
//! commit or merge of live segments changes a score.
//!
//! Where the profiles are silent there is no segment. Searches then run as they would over
//! documents without a term.

use crate::{
    index::{
        field::schema, index_error::IndexError, read_only_directory::ReadOnlyDirectory,
        tokens::PeopleTokenizer,
    },
    profiles::profile_file::ProfileFile,
    query::cursor::Documents,
};
use cloud_engine::{FileError, Manifest};
use cloud_files::open_plain;
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};
use tantivy::{
    Index, ReloadPolicy, Searcher, SegmentMeta, SegmentReader, Term, query::Bm25StatisticsProvider,
    schema::Field,
};

/// The index's directory in a snapshot directory.
pub const BASE_INDEX_NAME: &str = "search";

/// An open base index.
pub(crate) struct BaseIndex {
    searcher: Searcher,
    /// The number of nodes with silent profiles, which are in no segment.
    silent_nodes: u32,
}

impl BaseIndex {
    /// Checks every file against the manifest. Then checks that the index is one segment with a
    /// document for each node, or has none where the profiles are silent.
    pub(crate) fn open(
        snapshot: &Path,
        manifest: &Manifest,
        profiles: &ProfileFile,
    ) -> Result<Self, IndexError> {
        check_files(snapshot, manifest)?;
        let path = snapshot.join(BASE_INDEX_NAME);
        let silent_nodes = profiles.silent_nodes();
        let index = match silent_nodes {
            Some(_) => open_silent_base(&path)?,
            None => open_base(&path, profiles.node_count())?,
        };
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into();
        Ok(Self {
            searcher: reader.map_err(IndexError::tantivy(&path))?.searcher(),
            silent_nodes: silent_nodes.unwrap_or(0),
        })
    }

    /// Returns the documents, one for each node.
    pub(crate) fn documents(&self) -> Documents<'_> {
        match self.segment() {
            Some(segment) => Documents::Indexed(segment),
            None => Documents::Silent(self.silent_nodes),
        }
    }

    /// Returns the only segment, or `None` when the profiles are silent or the snapshot has no
    /// members.
    fn segment(&self) -> Option<&SegmentReader> {
        self.searcher.segment_readers().first()
    }

    /// Returns the searcher that queries are bound to.
    pub(crate) fn searcher(&self) -> &Searcher {
        &self.searcher
    }
}

/// The totals are at least 1: BM25 divides by them.
impl Bm25StatisticsProvider for BaseIndex {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let Some(segment) = self.segment() else {
            return Ok(1);
        };
        Ok(segment.inverted_index(field)?.total_num_tokens().max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(u64::from(self.documents().count()).max(1))
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let Some(segment) = self.segment() else {
            return Ok(0);
        };
        Ok(u64::from(
            segment.inverted_index(term.field())?.doc_freq(term)?,
        ))
    }
}

/// Opens an index and checks that it has the form of a base.
pub(crate) fn open_base(path: &Path, node_count: u64) -> Result<Index, IndexError> {
    let (index, segments) = open_index(path)?;
    let documents = segments
        .iter()
        .map(|segment| u64::from(segment.max_doc()))
        .sum();
    let deleted = segments
        .iter()
        .map(|segment| u64::from(segment.num_deleted_docs()))
        .sum();
    let one = segments.len() == 1 || (segments.is_empty() && node_count == 0);
    if !one || documents != node_count || deleted != 0 {
        let path = path.to_owned();
        return Err(IndexError::NotABase {
            path,
            segments: segments.len(),
            documents,
            deleted,
            expected: node_count,
        });
    }
    Ok(index)
}

/// Opens an index and checks that it is empty.
pub(crate) fn open_silent_base(path: &Path) -> Result<Index, IndexError> {
    let (index, segments) = open_index(path)?;
    match segments.len() {
        0 => Ok(index),
        segments => Err(IndexError::NotSilent {
            path: path.to_owned(),
            segments,
        }),
    }
}

fn open_index(path: &Path) -> Result<(Index, Vec<SegmentMeta>), IndexError> {
    let error = IndexError::tantivy(path);
    let index = Index::open(ReadOnlyDirectory::open(path).map_err(&error)?).map_err(&error)?;
    index
        .tokenizers()
        .register(PeopleTokenizer::NAME, PeopleTokenizer);
    if index.schema() != schema() {
        return Err(IndexError::OtherSchema {
            path: path.to_owned(),
        });
    }
    let segments = index.searchable_segment_metas().map_err(&error)?;
    Ok((index, segments))
}

fn check_files(snapshot: &Path, manifest: &Manifest) -> Result<(), FileError> {
    let prefix = format!("{BASE_INDEX_NAME}/");
    let mut files = manifest
        .files
        .iter()
        .filter(|file| file.name.starts_with(&prefix))
        .peekable();
    if files.peek().is_none() {
        return Err(FileError::NotInManifest {
            path: snapshot.to_owned(),
            name: format!("{prefix}meta.json"),
        });
    }
    for file in files {
        let path = snapshot.join(&file.name);
        let (bytes, crc32c) = measure(&path)?;
        if bytes != file.bytes {
            return Err(FileError::WrongLength {
                path,
                expected: file.bytes,
                found: bytes,
            });
        }
        if crc32c != file.crc32c {
            let reason = format!(
                "its checksum is {crc32c:08x}, in the manifest {:08x}",
                file.crc32c
            );
            return Err(FileError::Damaged {
                path,
                offset: 0,
                reason,
            });
        }
    }
    Ok(())
}

/// Returns a file's length and CRC-32C.
pub(crate) fn measure(path: &Path) -> Result<(u64, u32), FileError> {
    let io = |source| FileError::Io {
        path: PathBuf::from(path),
        source,
    };
    let mut file = open_plain(path).map_err(io)?;
    let mut block = vec![0; 1 << 20];
    let (mut bytes, mut crc32c) = (0, 0);
    loop {
        let read = file.read(&mut block).map_err(io)?;
        let Some(read) = block.get(..read).filter(|read| !read.is_empty()) else {
            break;
        };
        bytes += read.len() as u64;
        crc32c = crc32c::crc32c_append(crc32c, read);
    }
    Ok((bytes, crc32c))
}
