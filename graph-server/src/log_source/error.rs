//! Why a log does not go on from where this server stands.

use cloud_model::{InvalidHexId, LineageId, LogId, Scn};
use cloud_profile::InvalidValue;
use databus::{OpenError, ReadError};
use std::io;

/// The log cannot be followed. What the server answers stays right, and grows old.
#[derive(Debug, thiserror::Error)]
pub enum LogSourceError {
    /// The snapshot stands at a point of a source, and this server cannot find it in the log.
    #[error(
        "the snapshot stands at offset {offset} of source {source_id}, which this server does not start from"
    )]
    AtSourceOffset {
        /// The source.
        source_id: String,
        /// The offset.
        offset: u64,
    },
    /// The log of this process cannot be opened.
    #[error("the log: {0}")]
    Open(#[from] OpenError),
    /// A thread for the relay's connection cannot be had.
    #[error("threads: {0}")]
    Threads(io::Error),
    /// The log of this process cannot be read on.
    #[error("the log cannot be followed: {0}")]
    Read(#[from] ReadError),
    /// Retention has removed what comes next.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, and the relay at {relay} keeps its log after SCN {oldest_after_scn} only"
    )]
    Dropped {
        /// Its address.
        relay: String,
        /// Where this server stands.
        scn: Scn,
        /// The lowest SCN that the log can be read after.
        oldest_after_scn: Scn,
    },
    /// The log is another one.
    #[error(
        "bootstrap again, or follow another relay: the one at {relay} has log {found}, and this server follows log {expected}"
    )]
    OtherLog {
        /// Its address.
        relay: String,
        /// Its log.
        found: LogId,
        /// The log that the snapshot goes on from.
        expected: LogId,
    },
    /// The log is another site's.
    #[error(
        "bootstrap again, or follow another relay: the log of the one at {relay} began with graph {found}, and the snapshot is of graph {expected}"
    )]
    OtherGraph {
        /// Its address.
        relay: String,
        /// The lineage that its log began with.
        found: LineageId,
        /// The snapshot's.
        expected: LineageId,
    },
    /// The log has lost what this server has applied.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, and the log of the relay at {relay} ends at SCN {head}: it has lost changes"
    )]
    Behind {
        /// Its address.
        relay: String,
        /// Where this server stands.
        scn: Scn,
        /// Where the log ends.
        head: Scn,
    },
    /// The relay's status names its log or its graph by something that is no id.
    #[error("the status of the relay at {relay}: {invalid}")]
    InvalidId {
        /// Its address.
        relay: String,
        /// The text that it sent.
        invalid: InvalidHexId,
    },
    /// There is no relay, but a server that follows one.
    #[error("{relay} does not own its log: follow {owner}")]
    NotOwner {
        /// The address that was given.
        relay: String,
        /// Which one it should be.
        owner: String,
    },
    /// A later version wrote the log.
    #[error(
        "window {scn} of the relay at {relay}: {invalid}; a later version wrote it: use a newer one"
    )]
    UnknownChange {
        /// Its address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The field that is not understood.
        invalid: InvalidValue,
    },
    /// A window is too large to be applied at once.
    #[error(
        "bootstrap again: window {scn} of the relay at {relay} has more than {changes_max} changes"
    )]
    TooLarge {
        /// Its address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The limit.
        changes_max: usize,
    },
}

impl LogSourceError {
    /// Whether the log begins above the SCN that it was to be read after.
    pub(crate) fn is_dropped(&self) -> bool {
        matches!(
            self,
            Self::Dropped { .. } | Self::Read(ReadError::TooOld { .. })
        )
    }
}

pub(super) fn at_source_offset(source_id: &str, offset: u64) -> LogSourceError {
    LogSourceError::AtSourceOffset {
        source_id: source_id.to_owned(),
        offset,
    }
}
