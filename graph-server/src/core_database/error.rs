//! Why a server cannot start with its core database.

use cloud_capture::{ConnectError, mapping::MappingError};
use cloud_engine::FileError;
use cloud_files::LockError;
use std::{io, path::PathBuf};

/// Why a server cannot start with its core database.
#[derive(Debug, thiserror::Error)]
pub enum CoreDatabaseError {
    /// The build failed. It leaves nothing in the database, and no snapshot.
    #[error("building the site from the core database: {0}")]
    Build(#[from] loader::Error),
    /// The core database cannot be reached.
    #[error("core-database: {0}")]
    Connect(#[from] ConnectError),
    /// The mapping is rejected.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Another server uses the folder.
    #[error("data: {0}")]
    Locked(#[from] LockError),
    /// The snapshots cannot be listed.
    #[error("data: {0}")]
    Snapshots(#[from] FileError),
    /// A folder cannot be used.
    #[error("data: {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The thread of capture cannot be started.
    #[error("threads: {0}")]
    Thread(io::Error),
}
