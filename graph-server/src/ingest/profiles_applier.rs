//! Passes the changes of profiles to the thread that commits them.

use crate::{
    ingest::{
        applier::{Applier, FollowedWindow},
        changes::profile_changes,
        error::IngestError,
        profiles_committer::Message,
        progress::{Part, Progress},
    },
    limits::HELD_UP_CHECK_INTERVAL,
};
use cloud_engine::Current;
use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use std::sync::Arc;

/// The profiles' applier: a queue to the committing thread. Dropping it ends that thread, after a
/// last commit.
pub(crate) struct ProfilesApplier {
    pub(crate) current: Current,
    pub(crate) progress: Arc<Progress>,
    pub(crate) queue: Sender<Message>,
}

impl ProfilesApplier {
    /// Queues a message, and waits while the queue is full. Drops the message if profiles are held
    /// up or rebuilt then: the log keeps its window, and the follower reads it again.
    fn send(&self, message: Message) -> Result<(), IngestError> {
        let mut unsent = match self.queue.try_send(message) {
            Err(TrySendError::Full(message)) => message,
            sent => return sent.map_err(|_| IngestError::ProfilesStopped),
        };
        while !self.progress.profiles_wait().1 {
            match self.queue.send_timeout(unsent, HELD_UP_CHECK_INTERVAL) {
                Err(SendTimeoutError::Timeout(message)) => unsent = message,
                sent => return sent.map_err(|_| IngestError::ProfilesStopped),
            }
        }
        Ok(())
    }
}

impl Applier for ProfilesApplier {
    fn part(&self) -> Part {
        Part::Profiles
    }

    /// Queues a window's changes, even if there are none. Blocks while the queue is full.
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
        self.send(Message::Window {
            previous_scn: followed.previous_scn,
            point: followed.point,
            changes,
        })
    }

    fn caught_up(&mut self) -> Result<(), IngestError> {
        self.send(Message::CaughtUp)
    }

    fn flush(&mut self) -> Result<(), IngestError> {
        self.send(Message::Commit)
    }
}
