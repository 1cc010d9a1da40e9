//! What can go wrong with an index.

use cloud_engine::{FileError, NodeIndex};
use std::path::PathBuf;

/// The index could not be read or written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// What tantivy says.
    #[error("{path}: {source}", path = path.display())]
    Tantivy {
        /// The index's directory.
        path: PathBuf,
        /// What is wrong.
        source: tantivy::TantivyError,
    },
    /// Nodes are pushed in order, each once.
    #[error("node {found} was pushed where node {expected} comes next")]
    NodeOutOfOrder {
        /// The next node.
        expected: NodeIndex,
        /// The node that came.
        found: NodeIndex,
    },
    /// A base index has one segment with one document a node and none deleted.
    #[error("{path}: the index has {segments} segments, {documents} documents and {deleted} deleted ones, not 1, \
             {expected} and 0", path = path.display())]
    NotABase {
        /// The index's directory.
        path: PathBuf,
        /// Its segments.
        segments: usize,
        /// Documents in them.
        documents: u64,
        /// Documents that are marked as deleted.
        deleted: u64,
        /// Nodes of the snapshot.
        expected: u64,
    },
    /// The index was made with other fields.
    #[error("{path}: the index has other fields than this program's", path = path.display())]
    OtherSchema {
        /// The index's directory.
        path: PathBuf,
    },
    /// A thread that builds a part of the index is gone.
    #[error("a thread that builds the index panicked")]
    BuilderGone,
}

impl IndexError {
    pub(crate) fn tantivy(path: &std::path::Path) -> impl Fn(tantivy::TantivyError) -> Self {
        move |source| Self::Tantivy {
            path: path.to_owned(),
            source,
        }
    }
}
