//! The interface of a part of the server that applies the log's windows.

use crate::ingest::{error::IngestError, progress::Part};
use cloud_model::{LogPoint, MemberId, Scn};
use cloud_profile::Change;
use databus::Window;
use std::collections::HashSet;

/// Applies windows to one part.
///
/// The follower gives every window to its appliers in their order, the graph's first: the others
/// name members by the nodes that it gives them.
pub(crate) trait Applier: Send {
    /// The part that it applies windows to. `Progress` holds the part's SCN, lag and failure.
    fn part(&self) -> Part;

    /// Applies a window, or queues it. After an error, it receives no more windows.
    fn apply(&mut self, window: &mut FollowedWindow) -> Result<(), IngestError>;

    /// Called once every window that the log held at the start has been applied or queued.
    fn caught_up(&mut self) -> Result<(), IngestError> {
        Ok(())
    }

    /// Requests that the windows so far become visible to readers, without waiting for it.
    fn flush(&mut self) -> Result<(), IngestError> {
        Ok(())
    }
}

/// A window on its way through the appliers.
#[derive(Debug)]
pub(crate) struct FollowedWindow {
    /// The SCN of the window before it. SCNs may have gaps.
    pub(crate) previous_scn: Scn,
    /// The SCN of the window, and the history there.
    pub(crate) point: LogPoint,
    /// The window; its changes are gone once the last applier has taken them.
    pub(crate) window: Window<Change>,
    /// Whether it repeats an earlier window, by its source's offset.
    pub(crate) is_repeat: bool,
    /// The members that the graph's applier has created; `None` if the graph already held the
    /// window.
    pub(crate) created: Option<HashSet<MemberId>>,
}
