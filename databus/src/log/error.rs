//! The errors of a log, by what to do: repair or replace the log, try again, or correct the
//! request.

use crate::checked_window::InvalidWindow;
use crate::disk::Disk;
use cloud_files::LockError;
use cloud_model::{LineageId, LogId, Scn};
use cloud_profile::InvalidValue;
use std::{io, path::PathBuf, sync::Arc};

/// The reason why a log cannot be opened. Nothing of it is served, and no durable window was
/// changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log is already open, in another process or in this one.
    #[error("the log is in use by another process, which holds {}", file.display())]
    InUse {
        /// The lock file.
        file: PathBuf,
    },
    /// The file system returned an error.
    #[error("{}: {source}", file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// The folder holds no log, and no lineage was given for a new one.
    #[error(
        "{}: no log here; a new one needs the lineage of the graph that it begins with: \
         give `--snapshot SITE`, or `--lineage`",
        folder.display()
    )]
    NoLog {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds no log, and the log that a snapshot continues cannot be created.
    #[error(
        "{}: no log here; the snapshot continues log {log_id}: bootstrap again, restore that log \
         from a copy, or begin a new one from the snapshot (loader adopt --snapshot DIR --new-log)",
        folder.display()
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The log that the snapshot continues.
        log_id: LogId,
    },
    /// The log is not the one that the snapshot continues.
    #[error(
        "{}: is of log {found}, but the snapshot continues log {expected}: bootstrap again, put \
         that log there, or begin a new one from the snapshot in an empty folder \
         (loader adopt --snapshot DIR --new-log)",
        file.display()
    )]
    ForeignLog {
        /// A segment of the log.
        file: PathBuf,
        /// The log of the segment.
        found: LogId,
        /// The log that the snapshot continues.
        expected: LogId,
    },
    /// The log began with another graph.
    #[error(
        "{}: the log began with graph {found}, but graph {expected} is expected: use the log or \
         the snapshot of the same graph",
        file.display()
    )]
    ForeignOrigin {
        /// A segment of the log.
        file: PathBuf,
        /// The lineage that the log began with.
        found: LineageId,
        /// The lineage that was expected.
        expected: LineageId,
    },
    /// The file has the name of a segment, but is not a segment.
    #[error("{}: is not a segment of a log", file.display())]
    NotASegment {
        /// The file.
        file: PathBuf,
    },
    /// The segment was written by a later version.
    #[error(
        "{}: has format version {version}, but this program reads up to version {supported}: use a \
         newer one",
        file.display()
    )]
    FutureVersion {
        /// The file.
        file: PathBuf,
        /// The format version of the file.
        version: u32,
        /// The highest version that can be read.
        supported: u32,
    },
    /// The segment cannot be read, or does not fit the others: restore it from a copy.
    #[error("{}: damaged at byte {offset}: {reason}; restore the file from a copy", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The offset of the fault in the file.
        offset: u64,
        /// The fault.
        reason: String,
    },
    /// The log ends before an SCN that was durable.
    #[error(
        "{}: ends at SCN {head}, but SCN {durable_scn} was durable: the log has lost changes; \
         bootstrap again, restore it from a copy, or begin a new one from the snapshot in an empty \
         folder (loader adopt --snapshot DIR --new-log)",
        folder.display()
    )]
    Lost {
        /// The folder of the log.
        folder: PathBuf,
        /// The last SCN of the log.
        head: Scn,
        /// The SCN that a snapshot knows to be durable.
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

/// The reason why a window was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// The window is invalid; sending it again does not help.
    #[error(transparent)]
    Invalid(#[from] InvalidWindow),
    /// The log already remembers as many sources as it can.
    #[error("source {source_id:?} would be one more than the {sources_max} sources of a log")]
    TooManySources {
        /// The source that is new.
        source_id: String,
        /// The most sources that a log remembers.
        sources_max: usize,
    },
    /// The window could not be made durable (a full disk, a failed sync). Send it again: it is
    /// written once there is room. If the process dies first, the first attempt may still turn out
    /// to be durable. Its source's offset then makes the second one a repeat.
    #[error("{}: the window is not durable, byte {offset}: {source}", file.display())]
    NotDurable {
        /// The segment.
        file: PathBuf,
        /// The durable end of the segment.
        offset: u64,
        /// The error of the file system.
        source: Arc<io::Error>,
    },
    /// An earlier window of the same pipeline was rejected, so this one would leave a gap. Send the
    /// windows again from the rejected one on, in a new pipeline.
    #[error("an earlier window of the same stream was rejected: send again from that one on")]
    AfterRefused,
    /// The log is closed.
    #[error("the log is closed")]
    Closed,
}

/// The reason why a segment could not be removed. It is still there; the next call of
/// [`Log::retain`](crate::Log::retain) tries again.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be removed: {source}", file.display())]
pub struct RetainError {
    /// The segment.
    pub file: PathBuf,
    /// The error of the file system.
    pub source: io::Error,
}

/// The reason why the log cannot be read from an SCN, or not any further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The windows after the SCN are no longer kept: bootstrap again.
    #[error("cannot read after SCN {after_scn}: the log is kept after SCN {oldest_after_scn} only")]
    TooOld {
        /// The SCN to read after.
        after_scn: Scn,
        /// The lowest SCN that can be read after.
        oldest_after_scn: Scn,
    },
    /// The log ends before the SCN.
    #[error("cannot read after SCN {after_scn}: the log ends at SCN {head}")]
    BeyondHead {
        /// The SCN to read after.
        after_scn: Scn,
        /// The last durable SCN.
        head: Scn,
    },
    /// Data that was durable has changed since: restore the file from a copy.
    #[error("{}: damaged at byte {offset}: {reason}; restore the file from a copy", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The offset of the fault in the file.
        offset: u64,
        /// The fault.
        reason: String,
    },
    /// A change is invalid by the rules of this version and of all earlier ones: a later server
    /// wrote it.
    #[error(
        "{}: at byte {offset}: window {scn}: {invalid}; a later version wrote it: use a newer one",
        file.display()
    )]
    UnknownChange {
        /// The segment.
        file: PathBuf,
        /// The offset of the change's frame in the file.
        offset: u64,
        /// The SCN of the window.
        scn: Scn,
        /// The field that cannot be understood.
        invalid: InvalidValue,
    },
    /// The file system returned an error.
    #[error("{}: {source}", file.display())]
    File {
        /// The segment.
        file: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
}
