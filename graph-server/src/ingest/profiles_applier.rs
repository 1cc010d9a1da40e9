//! Passes the changes of profiles to the thread that commits them.

use crate::ingest::{
    applier::{Applier, FollowedWindow},
    changes::people_changes,
    error::IngestError,
    profiles_committer::Message,
    progress::Part,
};
use cloud_engine::Current;
use cloud_model::Scn;
use std::sync::mpsc::SyncSender;

/// The profiles' applier: a queue to the committing thread. Dropping it ends that thread, after a
/// last commit.
pub(crate) struct ProfilesApplier {
    pub(crate) current: Current,
    /// The SCN of the profiles when the server started.
    pub(crate) started_at: Scn,
    pub(crate) queue: SyncSender<Message>,
}

impl ProfilesApplier {
    fn send(&self, message: Message) -> Result<(), IngestError> {
        let sent = self.queue.send(message);
        sent.map_err(|_| IngestError::ProfilesStopped)
    }
}

impl Applier for ProfilesApplier {
    fn part(&self) -> Part {
        Part::Profiles
    }

    /// Queues a window's changes, even if there are none. Blocks while the queue is full.
    fn apply(&mut self, followed: &mut FollowedWindow) -> Result<(), IngestError> {
        if followed.scn <= self.started_at {
            return Ok(());
        }
        let changes = if followed.is_repeat {
            Vec::new()
        } else {
            let changes = std::mem::take(&mut followed.window.changes);
            let (graph, created) = (self.current.graph(), followed.created.as_ref());
            people_changes(changes, &graph, created)
        };
        self.send(Message::Window(followed.scn, changes))
    }

    fn caught_up(&mut self) -> Result<(), IngestError> {
        self.send(Message::CaughtUp)
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        self.send(Message::Commit)
    }
}
