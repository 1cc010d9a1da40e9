//! What can go wrong with a log, by consequence: repair or choose another, try again, or the request is wrong.

use crate::checked_window::InvalidWindow;
use crate::disk::Disk;
use cloud_model::{LineageId, LogId, Scn};
use cloud_profile::InvalidValue;
use cloud_serving::LockError;
use std::{io, path::PathBuf, sync::Arc};

/// The log cannot be opened. Nothing was changed, and nothing of it is served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A second process asked for the log.
    #[error("the log is in use by another process, which holds {}", file.display())]
    InUse {
        /// The lock file.
        file: PathBuf,
    },
    /// The file system failed.
    #[error("{}: {source}", file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// What it answered.
        source: io::Error,
    },
    /// There is no log here, and nothing says which graph a new one begins with.
    #[error("{}: no log here; a new one has to be told the lineage of the graph that it begins with", folder.display())]
    NoLog {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// There is no log here, and one that goes on from a snapshot cannot be made.
    #[error("{}: no log here; the snapshot goes on from log {log_id}: bootstrap again, or restore that log from a copy", folder.display())]
    Missing {
        /// Where it was looked for.
        folder: PathBuf,
        /// The one that was asked for.
        log_id: LogId,
    },
    /// The log is another one.
    #[error("{}: is of log {found}; the snapshot goes on from log {expected}: bootstrap again, or put that log there", file.display())]
    ForeignLog {
        /// A segment of it.
        file: PathBuf,
        /// Its `log_id`.
        found: LogId,
        /// The one that was asked for.
        expected: LogId,
    },
    /// The log began with another graph.
    #[error("{}: the log began with graph {found}; the snapshot is of graph {expected}", file.display())]
    ForeignOrigin {
        /// A segment of it.
        file: PathBuf,
        /// The lineage it began with.
        found: LineageId,
        /// The lineage that was asked for.
        expected: LineageId,
    },
    /// A file that has the name of a segment is none.
    #[error("{}: is not a segment of a log", file.display())]
    NotASegment {
        /// The file.
        file: PathBuf,
    },
    /// A segment of a later version.
    #[error("{}: has format version {version}, and this server reads up to {supported}", file.display())]
    FutureVersion {
        /// The file.
        file: PathBuf,
        /// Its version.
        version: u32,
        /// The highest that can be read.
        supported: u32,
    },
    /// A segment that cannot be read or does not fit the others: restore it from a copy.
    #[error("{}: damaged at byte {offset}: {reason}; restore the file from a copy", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not fit.
        reason: String,
    },
    /// The log ends before an SCN that was durable.
    #[error("{}: ends at SCN {head}, and SCN {durable_scn} was durable: the log has lost changes; bootstrap again, or restore it from a copy", folder.display())]
    Lost {
        /// Where it stands.
        folder: PathBuf,
        /// The last SCN found.
        head: Scn,
        /// The SCN that a snapshot knows.
        durable_scn: Scn,
    },
}

impl OpenError {
    /// A file of the log's disk that does not fit at an offset, and the reason.
    pub(super) fn damaged(disk: &dyn Disk, name: &str, offset: u64, reason: String) -> Self {
        Self::Damaged {
            file: disk.path(name),
            offset,
            reason,
        }
    }

    /// An error of the file system on a file of the log's disk; an empty name is the folder.
    pub(super) fn file(disk: &dyn Disk, name: &str, source: io::Error) -> Self {
        Self::File {
            file: disk.path(name),
            source,
        }
    }
}

impl From<LockError> for OpenError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::InUse { file } => Self::InUse { file },
            LockError::File { file, source } => Self::File { file, source },
        }
    }
}

/// The window was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The window is wrong; sending it again does not help.
    #[error(transparent)]
    Invalid(#[from] InvalidWindow),
    /// The log remembers as many sources as it can.
    #[error("source {source_id:?} would be one more than the {sources_max} that a log remembers")]
    TooManySources {
        /// The new one.
        source_id: String,
        /// The limit.
        sources_max: usize,
    },
    /// It could not be made durable (a full disk, a failed sync). Send it again: it is written once there is room. If the
    /// process dies first, it may come back all the same; its source's offset then makes the second one a repeat.
    #[error("{}: the window is not durable, byte {offset}: {source}", file.display())]
    NotDurable {
        /// The segment.
        file: PathBuf,
        /// What it ends with: everything durable is below.
        offset: u64,
        /// What the file system answered.
        source: Arc<io::Error>,
    },
    /// An earlier window of the same pipeline was refused, so this one would leave a gap; begin again with that one.
    #[error("an earlier window of the same stream was refused")]
    AfterRefused,
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// A segment that the log should let go of is still there. It is tried again when the log is asked again.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be removed: {source}", file.display())]
pub struct RetainError {
    /// The segment.
    pub file: PathBuf,
    /// What the file system answered.
    pub source: io::Error,
}

/// The log cannot be read from there, or not on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Windows after the SCN are no longer kept: bootstrap again.
    #[error("after SCN {after_scn}: the log is kept after SCN {oldest_after_scn} only")]
    TooOld {
        /// What was asked for.
        after_scn: Scn,
        /// The lowest that can be asked for.
        oldest_after_scn: Scn,
    },
    /// The log does not reach the SCN.
    #[error("after SCN {after_scn}: the log ends at SCN {head}")]
    BeyondHead {
        /// What was asked for.
        after_scn: Scn,
        /// The last durable SCN.
        head: Scn,
    },
    /// What was durable has changed since: restore the file from a copy.
    #[error("{}: damaged at byte {offset}: {reason}; restore the file from a copy", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What does not fit.
        reason: String,
    },
    /// A change that no rule of this version or an earlier one let in: a later server wrote it.
    #[error("{}: at byte {offset}: window {scn}: {invalid}; a later version wrote it: use that one", file.display())]
    UnknownChange {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The window.
        scn: Scn,
        /// The field that is not understood.
        invalid: InvalidValue,
    },
    /// The file system failed.
    #[error("{}: {source}", file.display())]
    File {
        /// The segment.
        file: PathBuf,
        /// What it answered.
        source: io::Error,
    },
}
