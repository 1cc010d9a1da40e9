//! The reasons why a log cannot be followed from this server's SCN.

use cloud_engine::SourceOffset;
use cloud_files::is_shortage;
use cloud_model::{InvalidHexId, LineageId, LogId, LogPoint, Scn};
use cloud_profile::InvalidValue;
use databus::{OpenError, ReadError};
use std::io;

/// Why the log cannot be followed. Answers remain correct as of their SCN, which no longer
/// advances.
#[derive(Debug, thiserror::Error)]
pub enum LogSourceError {
    /// The snapshot stands at offsets of sources, which this server cannot find in the log.
    #[error(
        "the snapshot stands at {}, which this server does not start from",
        listed(offsets)
    )]
    AtSourceOffsets {
        /// The offsets.
        offsets: Vec<SourceOffset>,
    },
    /// The log of this process cannot be opened.
    #[error("the log: {0}")]
    Open(#[from] OpenError),
    /// The runtime for the relay's connection cannot be created.
    #[error("threads: {0}")]
    Threads(io::Error),
    /// The log of this process cannot be read further.
    #[error("the log cannot be followed: {0}")]
    Read(#[from] ReadError),
    /// The relay's retention has removed the next window.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, \
         and the relay at {relay} keeps its log after SCN {oldest_after_scn} only"
    )]
    Dropped {
        /// The relay's address.
        relay: String,
        /// The SCN of this server.
        scn: Scn,
        /// The lowest SCN that the log can be read after.
        oldest_after_scn: Scn,
    },
    /// The relay has another log.
    #[error(
        "bootstrap again, or follow another relay: the one at {relay} has log {found}, \
         and this server follows log {expected}"
    )]
    OtherLog {
        /// The relay's address.
        relay: String,
        /// The relay's log.
        found: LogId,
        /// The log that this server follows.
        expected: LogId,
    },
    /// The log has other windows than this server has applied, under the same name: it was restored
    /// from an older copy and written on, or this server was.
    #[error(
        "bootstrap again: this server has applied windows up to SCN {scn} that are not in the log \
         of {owner}, which was restored from a copy: its history is another one"
    )]
    OtherHistory {
        /// The log's owner.
        owner: String,
        /// The SCN at which the histories were compared.
        scn: Scn,
    },
    /// The relay's log belongs to another site.
    #[error(
        "bootstrap again, or follow another relay: the log of the one at {relay} began with \
         graph {found}, and the snapshot is of graph {expected}"
    )]
    OtherGraph {
        /// The relay's address.
        relay: String,
        /// The lineage that the relay's log began with.
        found: LineageId,
        /// The lineage of the snapshot.
        expected: LineageId,
    },
    /// The relay's log has lost windows that this server has applied.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, \
         and the log of the relay at {relay} ends at SCN {head}: it has lost changes"
    )]
    Behind {
        /// The relay's address.
        relay: String,
        /// The SCN of this server.
        scn: Scn,
        /// The last SCN of the relay's log.
        head: Scn,
    },
    /// The relay's status holds an invalid id of its log or its graph.
    #[error("the status of the relay at {relay}: {invalid}")]
    InvalidId {
        /// The relay's address.
        relay: String,
        /// The text that the relay sent.
        invalid: InvalidHexId,
    },
    /// The address is that of a server that follows a relay, not of the relay.
    #[error("{relay} does not own its log: follow {owner}")]
    NotOwner {
        /// The address that was given.
        relay: String,
        /// The address of the relay that it follows.
        owner: String,
    },
    /// The address is that of a listener, or of a server, that serves no log.
    #[error("{relay} serves no log; follow the listener that does: {why}")]
    NoLog {
        /// The address that was given.
        relay: String,
        /// The message of the server at the address.
        why: String,
    },
    /// A later version wrote the log.
    #[error(
        "window {scn} of the relay at {relay}: {invalid}; a later version wrote it: use a newer one"
    )]
    UnknownChange {
        /// The relay's address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The field that this version does not understand.
        invalid: InvalidValue,
    },
    /// A window is too large to be applied at once.
    #[error(
        "bootstrap again: window {scn} of the relay at {relay} has more than {changes_max} changes"
    )]
    TooLarge {
        /// The relay's address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The maximum number of changes in a window.
        changes_max: usize,
    },
}

impl LogSourceError {
    pub(crate) fn other_history(owner: &str, point: LogPoint) -> Self {
        Self::OtherHistory {
            owner: owner.to_owned(),
            scn: point.scn,
        }
    }

    /// Returns whether another relay answers at the address than the one that is followed. The
    /// right one may be back there later.
    pub(crate) fn is_other_relay(&self) -> bool {
        matches!(
            self,
            Self::OtherLog { .. }
                | Self::OtherGraph { .. }
                | Self::NotOwner { .. }
                | Self::NoLog { .. }
        )
    }

    /// Returns whether the log no longer holds the windows after the SCN that it was read from.
    pub(crate) fn is_dropped(&self) -> bool {
        matches!(
            self,
            Self::Dropped { .. } | Self::Read(ReadError::TooOld { .. })
        )
    }

    /// Returns whether the system had no descriptors or memory left: a later attempt may succeed.
    pub(crate) fn is_shortage(&self) -> bool {
        matches!(self, Self::Read(ReadError::File { source, .. }) if is_shortage(source))
    }
}

pub(super) fn at_source_offsets(offsets: &[SourceOffset]) -> LogSourceError {
    LogSourceError::AtSourceOffsets {
        offsets: offsets.to_vec(),
    }
}

fn listed(offsets: &[SourceOffset]) -> String {
    let offsets = offsets.iter().map(|at| {
        let SourceOffset { source_id, offset } = at;
        format!("offset {offset} of source {source_id}")
    });
    offsets.collect::<Vec<_>>().join(" and ")
}
