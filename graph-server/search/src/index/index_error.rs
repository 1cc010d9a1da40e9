//! The errors of an index.

use cloud_engine::{FileError, NodeIndex};
use cloud_files::is_shortage;
use std::{io, path::PathBuf};
use tantivy::{
    TantivyError,
    directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError},
};

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
    /// Returns whether the index is of another lineage or log, or of a version that this program
    /// does not know.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::File(
                FileError::ForeignLineage { .. }
                    | FileError::ForeignLog { .. }
                    | FileError::UnknownVersion { .. }
            )
        )
    }

    /// Returns whether the system has no room or no descriptors left. The files may be sound.
    pub(crate) fn is_shortage(&self) -> bool {
        let error = match self {
            Self::File(FileError::Io { source, .. }) => Some(source),
            Self::Tantivy { source, .. } => io_error(source),
            _ => None,
        };
        error.is_some_and(is_shortage)
    }

    pub(crate) fn tantivy(path: &std::path::Path) -> impl Fn(tantivy::TantivyError) -> Self {
        move |source| Self::Tantivy {
            path: path.to_owned(),
            source,
        }
    }
}

/// Returns the system's error, where tantivy passes it on.
fn io_error(error: &TantivyError) -> Option<&io::Error> {
    match error {
        TantivyError::IoError(error)
        | TantivyError::LockFailure(LockError::IoError(error), _)
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError {
            io_error: error, ..
        })
        | TantivyError::OpenReadError(OpenReadError::IoError {
            io_error: error, ..
        })
        | TantivyError::OpenWriteError(OpenWriteError::IoError {
            io_error: error, ..
        }) => Some(error),
        _ => None,
    }
}
