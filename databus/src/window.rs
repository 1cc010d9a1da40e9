//! A window: the changes of one source transaction, which become visible together.
//!
//! An empty window is fine: it says that the source stands at `source_offset`, and whoever waits for that offset goes on.

use cloud_model::Scn;
use cloud_profile::Change;
use cloud_proto::databus::v1 as proto;
use prost_types::Timestamp;

/// The changes of one source transaction: as a publisher sends them, or typed, as they are read from the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window<C = proto::Change> {
    /// The source that committed it; "" for a publisher that numbers nothing, whose windows are never repeats.
    pub source_id: String,
    /// Where it stood in its source (for PostgreSQL an LSN), never 0; 0 with an empty `source_id`.
    pub source_offset: u64,
    /// When the source committed it.
    pub commit_time: Option<Timestamp>,
    /// What is true from here on, in order.
    pub changes: Vec<C>,
}

impl From<Window<Change>> for Window {
    fn from(window: Window<Change>) -> Self {
        let Window {
            source_id,
            source_offset,
            commit_time,
            changes,
        } = window;
        Self {
            source_id,
            source_offset,
            commit_time,
            changes: changes.into_iter().map(Into::into).collect(),
        }
    }
}

/// A window, and where it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedWindow {
    /// System change number: increases along the log.
    pub scn: Scn,
    /// The window, its changes typed.
    pub window: Window<Change>,
}
