//! Why a running site was not reconciled.

use cloud_capture::BootstrapError;
use cloud_engine::FileError;
use cloud_files::LockError;
use cloud_model::Scn;

use crate::{Error, snapshot_content::ContentError};

/// Why a running site was not reconciled with its core database.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The core database cannot be read, or the site cannot be built from it.
    #[error(transparent)]
    Build(#[from] Error),
    /// The scratch folder is used by another process.
    #[error("the scratch folder: {0}")]
    Scratch(#[from] LockError),
    /// The log's server cannot be reached, or refuses.
    #[error("the log: {0}")]
    Log(#[from] cloud_client::Error),
    /// The snapshot of the log's server cannot be read.
    #[error(
        "the snapshot that the log's server took: {error}; this must run on the machine of that \
         server, as a user that may read its folders"
    )]
    SnapshotOfLog {
        /// The error.
        error: FileError,
    },
    /// The content of a snapshot cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The log has windows of another source, whose rows the database does not have.
    #[error(
        "the log has windows of the source {other}, and what only they state would be removed. If \
         the database {source_id} has taken its place, give --replaces {other}"
    )]
    OtherSource {
        /// The database.
        source_id: String,
        /// The other source.
        other: String,
    },
    /// The log has later windows of the database than the database itself.
    #[error(
        "the log has {source_id} up to {log}, and the database is at {database}: the database was \
         restored from a backup. Build a new site with `loader build`"
    )]
    LogAhead {
        /// The database.
        source_id: String,
        /// The last offset in the log.
        log: u64,
        /// The point of the database.
        database: u64,
    },
    /// Something else was published meanwhile.
    #[error(
        "the log is at SCN {found} and not at {expected}: something else publishes to it. Stop it, \
         and run this again"
    )]
    OtherPublisher {
        /// The expected SCN.
        expected: Scn,
        /// The SCN of the log.
        found: Scn,
    },
    /// The profiles of the site do not reach the log's head.
    #[error("the profiles of the log's server do not reach the log's head: {reason}")]
    ProfilesBehind {
        /// The reason that the server states for its lag.
        reason: String,
    },
    /// The log has nothing of the database.
    #[error(
        "the log has no window of the source {source_id}: the site was not made of it. If the \
         database has taken the place of another one, give --replaces and its source"
    )]
    UnknownSource {
        /// The database.
        source_id: String,
    },
}

impl From<FileError> for ReconcileError {
    fn from(error: FileError) -> Self {
        Self::Content(error.into())
    }
}

impl From<BootstrapError> for ReconcileError {
    fn from(error: BootstrapError) -> Self {
        Self::Build(error.into())
    }
}
