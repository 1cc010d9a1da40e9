//! A window: the changes of one source transaction, which become visible together.
//!
//! An empty window is valid: it states that the source stands at `source_offset`. A read that waits
//! for that offset can then go on.

use cloud_model::{History, Scn};
use cloud_profile::Change;
use cloud_proto::databus::v1 as proto;
use prost_types::Timestamp;

/// The changes of one source transaction: as a publisher sends them, or typed, as they are read
/// from the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window<C = proto::Change> {
    /// The source that committed the window. It is "" for a publisher without offsets, whose
    /// windows are never repeats.
    pub source_id: String,
    /// The window's offset in its source (for PostgreSQL an LSN). It is 0 if `source_id` is empty.
    /// With a source, 0 states no offset: the window is never a repeat, and moves no mark.
    pub source_offset: u64,
    /// The time at which the source committed the window.
    pub commit_time: Option<Timestamp>,
    /// The changes in order. Each states what is true from then on.
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

/// A window, and its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedWindow {
    /// The system change number of the window, which increases along the log.
    pub scn: Scn,
    /// The history before the window; `None` if a version without histories wrote it.
    pub before: Option<History>,
    /// The window's own history; `None` if a version without histories wrote it.
    pub history: Option<History>,
    /// The window with typed changes.
    pub window: Window<Change>,
}
