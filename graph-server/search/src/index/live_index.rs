//! The index of the members that changed since the snapshot: small segments, one document a member,
//! found by its node.
//!
//! A change deletes the member's older live document and adds the new one; the base is never
//! touched. The commit's payload is the store's mark, so index and mark always agree.
//!
//! Files are not synced, because the live profiles hold the same data durably. If a power loss
//! leaves the index unusable, it is rebuilt from them.

use crate::{
    index::{
        base_index_writer::index_builder,
        document::live_document,
        field::{NODE_FIELD_NAME, node_field},
        index_error::IndexError,
        unsynced_directory::UnsyncedDirectory,
    },
    profiles::store_mark::StoreMark,
};
use cloud_engine::{FileError, NodeIndex};
use cloud_files::remove_any;
use cloud_model::{LogPoint, Scn};
use cloud_profile::ProfileRecord;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tantivy::{
    DocId, Index, IndexReader, IndexWriter, ReloadPolicy, SegmentReader, Term,
    columnar::Column,
    indexer::{IndexWriterOptions, LogMergePolicy},
};

/// The name of the live index's directory in the live directory.
pub const LIVE_INDEX_NAME: &str = "search";
/// The memory budget of the writer. A commit comes long before it is full.
const WRITER_BYTES: usize = 32 << 20;
/// A segment with more documents is not merged with others. (Bench: an update of 4.4 million
/// members, group `large-transactions`, takes 32 s instead of 54 s.)
const MERGED_DOCUMENTS_MAX: usize = 500_000;
/// A segment with a larger share of deleted documents is rewritten.
const DELETED_SHARE_MAX: f32 = 0.5;

/// How the names of tantivy's threads begin whose panics it returns as errors.
pub const LIBRARY_THREADS: [&str; 3] = [
    "thrd-tantivy-index",
    "merge_thread_",
    "docstore-compressor-thread",
];

/// The index, for its one writer.
pub(crate) struct LiveIndex {
    path: PathBuf,
    index: Index,
    /// The writer; absent after an error, until the next commit opens another. Tantivy's own
    /// rollback is not used: if it fails, the writer panics when it is used again.
    writer: Option<IndexWriter>,
    reader: IndexReader,
    mark: StoreMark,
    replaced: Option<IndexError>,
}

/// One segment of the index as of a commit.
pub(crate) struct LiveSegment {
    pub(crate) reader: SegmentReader,
    nodes: Column<u64>,
}

impl LiveSegment {
    /// Returns the node of a document, or `None` if the document was deleted.
    pub(crate) fn node(&self, document: DocId) -> Option<NodeIndex> {
        let alive = self
            .reader
            .alive_bitset()
            .is_none_or(|alive| alive.is_alive(document));
        let node = self.nodes.first(document).filter(|_| alive)?;
        u32::try_from(node).ok().map(NodeIndex::new)
    }
}

impl LiveIndex {
    /// Opens the index. Creates one with this mark if there is none, or none that is usable. An
    /// index of another lineage or log is an error.
    pub(crate) fn open(path: &Path, fresh: StoreMark) -> Result<Self, IndexError> {
        match Self::open_found(path, fresh) {
            Err(error) if !error.is_foreign() && !error.is_shortage() => {
                Self::remove(path)?;
                let mut live = Self::open_found(path, fresh)?;
                live.replaced = Some(error);
                Ok(live)
            }
            opened => opened,
        }
    }

    /// Deletes the index, if there is one; the next open then rebuilds it from the profiles.
    pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
        remove_any(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// Closes the writer, which holds the index's lock.
    pub(crate) fn release(&mut self) {
        self.writer = None;
    }

    /// Deletes the index, and creates one without documents in its place.
    pub(crate) fn rebuild(&mut self) -> Result<(), IndexError> {
        self.release();
        Self::remove(&self.path)?;
        *self = Self::open_found(&self.path, self.mark.at(Scn::BEGINNING.into()))?;
        Ok(())
    }

    /// Returns what was wrong with the index that this one replaced.
    pub(crate) fn replaced(&self) -> Option<&IndexError> {
        self.replaced.as_ref()
    }

    fn open_found(path: &Path, fresh: StoreMark) -> Result<Self, IndexError> {
        fs::create_dir_all(path).map_err(|source| FileError::Io {
            path: path.to_owned(),
            source,
        })?;
        let error = IndexError::tantivy(path);
        let directory = UnsyncedDirectory::open(path).map_err(&error)?;
        let index = index_builder().open_or_create(directory).map_err(&error)?;
        let payload = index.load_metas().map_err(&error)?.payload;
        let mark = match &payload {
            Some(text) => StoreMark::parse(&path.join("meta.json"), text)?,
            None => fresh,
        };
        mark.check(path, fresh.lineage, fresh.log)?;
        check_files(path, &index)?;
        let writer = open_writer(&index).map_err(&error)?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(&error)?;
        let mut live = Self {
            path: path.to_owned(),
            index,
            writer: Some(writer),
            reader,
            mark,
            replaced: None,
        };
        if payload.is_none() {
            live.commit(fresh.point, [])?;
        }
        Ok(live)
    }

    /// Returns the SCN of the last commit.
    pub(crate) fn scn(&self) -> Scn {
        self.mark.point.scn
    }

    /// Returns the point of the last commit.
    pub(crate) fn point(&self) -> LogPoint {
        self.mark.point
    }

    /// Replaces the documents of these members; `None` means that the member was removed.
    pub(crate) fn commit<'a>(
        &mut self,
        point: LogPoint,
        changed: impl IntoIterator<Item = (NodeIndex, Option<&'a ProfileRecord>)>,
    ) -> Result<(), IndexError> {
        let mut writer = self.take_writer()?;
        let error = IndexError::tantivy(&self.path);
        for (node, profile) in changed {
            writer.delete_term(Term::from_field_u64(node_field(), u64::from(node.get())));
            if let Some(profile) = profile {
                writer
                    .add_document(live_document(node, profile))
                    .map_err(&error)?;
            }
        }
        let mark = self.mark.at(point);
        let mut commit = writer.prepare_commit().map_err(&error)?;
        commit.set_payload(&mark.to_string());
        commit.commit().map_err(&error)?;
        self.reader.reload().map_err(&error)?;
        self.mark = mark;
        self.writer = Some(writer);
        Ok(())
    }

    /// Deletes every document, as if no profile had changed since the snapshot. A commit must
    /// follow.
    pub(crate) fn clear(&mut self) -> Result<(), IndexError> {
        let writer = self.take_writer()?;
        writer
            .delete_all_documents()
            .map_err(IndexError::tantivy(&self.path))?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Takes the writer, or opens another. Damage is reported as such: the list of segments is read
    /// first.
    fn take_writer(&mut self) -> Result<IndexWriter, IndexError> {
        if let Some(writer) = self.writer.take() {
            return Ok(writer);
        }
        let error = IndexError::tantivy(&self.path);
        self.index.load_metas().map_err(&error)?;
        open_writer(&self.index).map_err(error)
    }

    /// Returns the segments as of the last commit.
    pub(crate) fn segments(&self) -> Result<Arc<[LiveSegment]>, IndexError> {
        let error = IndexError::tantivy(&self.path);
        let open = |reader: &SegmentReader| {
            let nodes = reader.fast_fields().u64(NODE_FIELD_NAME)?;
            Ok(LiveSegment {
                reader: reader.clone(),
                nodes,
            })
        };
        let searcher = self.reader.searcher();
        searcher
            .segment_readers()
            .iter()
            .map(open)
            .collect::<tantivy::Result<_>>()
            .map_err(error)
    }

    /// Waits for merges, then closes the files.
    pub(crate) fn close(self) -> Result<(), IndexError> {
        let Self {
            path,
            index,
            writer,
            ..
        } = self;
        if let Some(writer) = writer {
            writer
                .wait_merging_threads()
                .map_err(IndexError::tantivy(&path))?;
        }
        drop(index);
        Ok(())
    }
}

fn open_writer(index: &Index) -> tantivy::Result<IndexWriter> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = index.writer_with_options(options)?;
    let mut merge_policy = LogMergePolicy::default();
    merge_policy.set_max_docs_before_merge(MERGED_DOCUMENTS_MAX);
    merge_policy.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
    writer.set_merge_policy(Box::new(merge_policy));
    Ok(writer)
}

/// Checks every file against the checksum at its end.
fn check_files(path: &Path, index: &Index) -> Result<(), IndexError> {
    let damaged = index
        .validate_checksum()
        .map_err(IndexError::tantivy(path))?;
    match damaged.into_iter().min() {
        None => Ok(()),
        Some(name) => {
            let reason = "the checksum at its end does not match".to_owned();
            Err(FileError::Damaged {
                path: path.join(name),
                offset: 0,
                reason,
            }
            .into())
        }
    }
}
