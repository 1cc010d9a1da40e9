//! A part of the server that the log's windows go into.

use crate::ingest::{error::IngestError, progress::Part};
use cloud_model::{MemberId, Scn};
use cloud_profile::Change;
use databus::Window;
use std::collections::HashSet;

/// Applies windows to one part.
///
/// The follower gives every window to its appliers in their order, the graph's first: the others
/// name members by the nodes that it gives them.
pub(crate) trait Applier: Send {
    /// The part, whose SCN, lag and failure stand in `Progress`.
    fn part(&self) -> Part;

    /// Applies a window, or queues it. An applier that fails is given no other one.
    fn apply(&mut self, window: &mut FollowedWindow) -> Result<(), IngestError>;

    /// Notes that everything was given that the log held at the start.
    fn caught_up(&mut self) -> Result<(), IngestError> {
        Ok(())
    }

    /// Has readers see what was given so far, without waiting for it.
    fn flush(&mut self) -> Result<(), IngestError> {
        Ok(())
    }
}

/// A window on its way through the appliers.
#[derive(Debug)]
pub(crate) struct FollowedWindow {
    pub(crate) scn: Scn,
    /// Without its changes once the last applier has taken them.
    pub(crate) window: Window<Change>,
    /// Whether its source's offset says that an earlier window has said the same.
    pub(crate) is_repeat: bool,
    /// The members that the graph's applier has created; none when the graph already held the
    /// window.
    pub(crate) created: Option<HashSet<MemberId>>,
}
