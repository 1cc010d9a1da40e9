//! Passes the changes of profiles to the thread that commits them.

use crate::ingest::{
    applier::{Applier, FollowedWindow},
    changes::profile_changes,
    error::IngestError,
    profiles_queue::{Message, ProfilesQueue},
    progress::{Part, Progress},
};
use cloud_engine::Current;
use std::sync::Arc;

/// The profiles' applier: a queue to the committing thread. Dropping it ends that thread, after a
/// last commit.
pub(crate) struct ProfilesApplier {
    pub(crate) current: Current,
    pub(crate) progress: Arc<Progress>,
    pub(crate) queue: ProfilesQueue,
}

impl ProfilesApplier {
    /// Returns whether profiles are held up or rebuilt. What has no room in the queue is dropped
    /// then: the log keeps its window, and the follower reads it again.
    fn gives_up(&self) -> bool {
        self.progress.profiles_wait().1
    }
}

impl Applier for ProfilesApplier {
    fn part(&self) -> Part {
        Part::Profiles
    }

    /// Queues a window's changes, even if there are none. Blocks while the queue has no room.
    fn apply(&mut self, followed: &mut FollowedWindow) -> Result<(), IngestError> {
        let (reached, _) = self.progress.profiles_wait();
        if followed.point.scn <= reached {
            return Ok(());
        }
        let changes = if followed.is_repeat {
            Vec::new()
        } else {
            let changes = std::mem::take(&mut followed.window.changes);
            let (graph, created) = (self.current.graph(), followed.created.as_ref());
            profile_changes(changes, &graph, created)
        };
        let (previous_scn, point) = (followed.previous_scn, followed.point);
        self.queue
            .send_window(previous_scn, point, changes, || self.gives_up())
    }

    fn caught_up(&mut self) -> Result<(), IngestError> {
        self.queue.send(Message::CaughtUp, || self.gives_up())
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        self.queue.send(Message::Commit, || self.gives_up())
    }
}
