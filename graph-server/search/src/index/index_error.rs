//! The errors of an index.

use cloud_engine::{FileError, NodeIndex};
use std::{io::ErrorKind, path::PathBuf};
use tantivy::TantivyError;

/// An index could not be read or written, or does not have the required form.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A file of the index could not be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// tantivy reported an error.
    #[error("{path}: {source}", path = path.display())]
    Tantivy {
        /// The index's directory.
        path: PathBuf,
        /// The error that tantivy reported.
        source: tantivy::TantivyError,
    },
    /// A node was pushed out of order; each is pushed once, in order.
    #[error("node {found} was pushed where node {expected} comes next")]
    NodeOutOfOrder {
        /// The next node.
        expected: NodeIndex,
        /// The node that was pushed.
        found: NodeIndex,
    },
    /// The index is not a base: one segment, with one document a node and none deleted.
    #[error(
        "{path}: the index has {segments} segments, {documents} documents and {deleted} deleted \
         ones, not 1, {expected} and 0",
        path = path.display()
    )]
    NotABase {
        /// The index's directory.
        path: PathBuf,
        /// The number of segments.
        segments: usize,
        /// The number of documents.
        documents: u64,
        /// The number of documents marked as deleted.
        deleted: u64,
        /// The number of nodes in the snapshot.
        expected: u64,
    },
    /// The base index has segments although the profiles are silent.
    #[error(
        "{path}: the index has {segments} segments, not 0 as for empty profiles",
        path = path.display()
    )]
    NotSilent {
        /// The index's directory.
        path: PathBuf,
        /// The number of segments.
        segments: usize,
    },
    /// The index was created with other fields.
    #[error(
        "{path}: the index was created with other fields than this program uses",
        path = path.display()
    )]
    OtherSchema {
        /// The index's directory.
        path: PathBuf,
    },
    /// A thread that builds a part of the index panicked.
    #[error("a thread that builds the index panicked")]
    BuilderGone,
}

impl IndexError {
    /// Returns whether the files differ from what was written, as after a power loss. False if the
    /// system reports an error, or if the index is another site's.
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
