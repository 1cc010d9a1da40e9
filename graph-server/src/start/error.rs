//! The reasons why a server cannot start.

use crate::{core_database::CoreDatabaseError, log_source::LogSourceError};
use cloud_engine::FileError;
use cloud_files::LockError;
use cloud_model::Scn;
use cloud_serving::ListenError;
use databus::ReadError;
use std::{io, path::PathBuf};

/// Why the server cannot start. It has served nothing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another server runs on the directory.
    #[error("{} is held by another running server", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The directory of the site is missing, or is no directory.
    #[error(
        "{}: {problem}; name the directory that `loader build --out` wrote, or a copy of it",
        path.display()
    )]
    NoSite {
        /// The path.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A file is damaged, foreign or of another version.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no valid snapshot to start from.
    #[error(
        "{} holds no valid snapshot{}: build one with `loader build`",
        site.display(),
        listed(refused)
    )]
    NoSnapshot {
        /// The directory of the site.
        site: PathBuf,
        /// The errors of the snapshots that were found.
        refused: Vec<FileError>,
    },
    /// The log ends before the SCN of the overlay or the profiles.
    #[error(
        "{what} stands at SCN {scn}, but the log ends at SCN {head}: the log has lost changes; \
         bootstrap again, restore it from a copy, or begin a new one from the snapshot in an empty \
         folder (loader adopt --snapshot DIR --new-log)"
    )]
    LogLost {
        /// The part whose SCN is above the log's.
        what: &'static str,
        /// The SCN of that part.
        scn: Scn,
        /// The last SCN of the log.
        head: Scn,
    },
    /// The log cannot be read from the SCN of the snapshot.
    #[error("the log does not go on from the snapshot, bootstrap again: {0}")]
    Read(ReadError),
    /// The log cannot be opened, or does not continue the snapshot.
    #[error(transparent)]
    LogSource(LogSourceError),
    /// Replaying the log failed.
    #[error("replay: {reason}")]
    Replay {
        /// Why.
        reason: String,
    },
    /// A thread pool cannot be created.
    #[error("threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The site was not built from the core database, or cannot be captured.
    #[error(transparent)]
    CoreDatabase(#[from] CoreDatabaseError),
    /// A listener cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The methods, whose calls are counted, cannot be read from their descriptors.
    #[error("descriptors: {0}")]
    Descriptors(#[from] prost::DecodeError),
    /// Reflection cannot read its own descriptors.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl From<LockError> for StartError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::InUse { file } => Self::InUse { path: file },
            LockError::File { file, source } => Self::Io { path: file, source },
        }
    }
}

impl From<LogSourceError> for StartError {
    fn from(error: LogSourceError) -> Self {
        match error {
            LogSourceError::Read(error) => Self::Read(error),
            error => Self::LogSource(error),
        }
    }
}

fn listed(refused: &[FileError]) -> String {
    let refused: Vec<_> = refused.iter().map(|error| format!(" ({error})")).collect();
    refused.concat()
}
