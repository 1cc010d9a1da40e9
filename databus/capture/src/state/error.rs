//! Why the state folder cannot be used.

use std::{io, path::PathBuf};

use cloud_files::LockError;

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process uses it, or it cannot be created.
    #[error("the state folder: {0}")]
    Lock(#[from] LockError),
    /// A file cannot be read or written.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The content is not what capture wrote.
    #[error(
        "{path}: {error}; if it cannot be restored, bootstrap again with an empty state folder",
        path = path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// The error.
        error: serde_json::Error,
    },
}
