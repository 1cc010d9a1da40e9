//! What can go wrong with an index.

use cloud_engine::{FileError, NodeIndex};
use std::{io::ErrorKind, path::PathBuf};
use tantivy::TantivyError;

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
    /// Where the profiles are silent, the base index has no segment.
    #[error("{path}: the index has {segments} segments, but the snapshot's profiles say nothing", path = path.display())]
    NotSilent {
        /// The index's directory.
        path: PathBuf,
        /// Its segments.
        segments: usize,
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
    /// Whether the files are not what was written, as after a loss of power: not so when the system refuses, or when the
    /// index is another site's.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::File(error) => matches!(error, FileError::Damaged { .. }),
            Self::Tantivy { source, .. } => match source {
                TantivyError::IoError(error) => {
                    matches!(
                        error.kind(),
                        ErrorKind::UnexpectedEof | ErrorKind::InvalidData
                    )
                }
                TantivyError::DataCorruption(_)
                | TantivyError::DeserializeError(_)
                | TantivyError::IncompatibleIndex(_)
                | TantivyError::OpenReadError(_)
                | TantivyError::SchemaError(_) => true,
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn tantivy(path: &std::path::Path) -> impl Fn(tantivy::TantivyError) -> Self {
        move |source| Self::Tantivy {
            path: path.to_owned(),
            source,
        }
    }
}
