//! The queue to the thread that commits profiles. It is bounded by windows, and by the changes in
//! them: one window may have millions.

use crate::{
    ingest::error::IngestError,
    limits::{
        HELD_UP_CHECK_INTERVAL, PROFILES_CHANGES_MAX, PROFILES_COMMIT_CHANGES,
        PROFILES_QUEUE_WINDOWS_MAX, PROFILES_ROOM_CHECK_INTERVAL,
    },
};
use cloud_model::{LogPoint, Scn};
use cloud_search::ProfileChange;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The end of the queue at the follower's thread.
pub(crate) struct ProfilesQueue {
    messages: Sender<Message>,
    /// A permit for each change that may still be queued.
    room: Arc<Semaphore>,
}

/// A message from the follower's thread.
pub(crate) enum Message {
    /// A window's changes of profiles, none among them.
    Window {
        previous_scn: Scn,
        point: LogPoint,
        changes: Vec<ProfileChange>,
        /// The room that the changes take, until they are committed.
        room: OwnedSemaphorePermit,
    },
    /// Every window that the log held at the start has been sent.
    CaughtUp,
    /// The windows sent so far are to be committed soon.
    Commit,
}

impl ProfilesQueue {
    /// Creates a queue, and returns its other end.
    pub(crate) fn new() -> (Self, Receiver<Message>) {
        let (messages, receiver) = bounded(PROFILES_QUEUE_WINDOWS_MAX);
        let room = Arc::new(Semaphore::new(PROFILES_CHANGES_MAX));
        (Self { messages, room }, receiver)
    }

    /// Queues a window's changes. Waits while they have no room, and drops them if `gives_up` is
    /// true then.
    ///
    /// # Errors
    /// If the other end is gone.
    pub(crate) fn send_window(
        &self,
        previous_scn: Scn,
        point: LogPoint,
        changes: Vec<ProfileChange>,
        gives_up: impl Fn() -> bool,
    ) -> Result<(), IngestError> {
        // A commit is due once so many changes wait: a window has room then, whatever its size.
        let taken = changes.len().min(PROFILES_COMMIT_CHANGES) as u32;
        let room = loop {
            match Arc::clone(&self.room).try_acquire_many_owned(taken) {
                Ok(room) => break room,
                Err(_) if gives_up() => return Ok(()),
                Err(_) => std::thread::sleep(PROFILES_ROOM_CHECK_INTERVAL),
            }
        };
        let window = Message::Window {
            previous_scn,
            point,
            changes,
            room,
        };
        self.send(window, gives_up)
    }

    /// Queues a message. Waits while the queue is full, and drops the message if `gives_up` is true
    /// then.
    ///
    /// # Errors
    /// If the other end is gone.
    pub(crate) fn send(
        &self,
        message: Message,
        gives_up: impl Fn() -> bool,
    ) -> Result<(), IngestError> {
        let mut unsent = match self.messages.try_send(message) {
            Err(TrySendError::Full(message)) => message,
            sent => return sent.map_err(|_| IngestError::ProfilesStopped),
        };
        while !gives_up() {
            match self.messages.send_timeout(unsent, HELD_UP_CHECK_INTERVAL) {
                Err(SendTimeoutError::Timeout(message)) => unsent = message,
                sent => return sent.map_err(|_| IngestError::ProfilesStopped),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_engine::NodeIndex;
    use cloud_model::MemberId;
    use std::cell::Cell;

    fn try_send(
        queue: &ProfilesQueue,
        scn: u64,
        changes: usize,
        gives_up: impl Fn() -> bool,
    ) -> Result<(), IngestError> {
        let change = ProfileChange::MemberCreated {
            node: NodeIndex::new(0),
            member_id: MemberId::new(1).unwrap(),
        };
        let point = LogPoint::from(Scn::new(scn));
        let changes = vec![change; changes];
        queue.send_window(Scn::new(scn - 1), point, changes, gives_up)
    }

    fn send(queue: &ProfilesQueue, scn: u64, changes: usize, gives_up: impl Fn() -> bool) {
        try_send(queue, scn, changes, gives_up).unwrap();
    }

    #[test]
    fn changes_wait_for_room_and_are_dropped_if_the_sender_gives_up() {
        let (queue, messages) = ProfilesQueue::new();
        let never = || panic!("the window has room");
        send(&queue, 1, 3 * PROFILES_CHANGES_MAX, never);
        send(&queue, 2, PROFILES_COMMIT_CHANGES, never);
        send(&queue, 3, 0, never);
        let looks = Cell::new(0);
        let third_time = || looks.replace(looks.get() + 1) == 2;
        send(&queue, 4, 1, third_time);
        assert_eq!(looks.get(), 3);
        let first = messages.recv().unwrap();
        assert!(matches!(first, Message::Window { point, .. } if point.scn == Scn::new(1)));
        // The room is taken until the message goes, as it does after a commit.
        send(&queue, 5, 1, || true);
        drop(first);
        send(&queue, 6, 1, never);
        let scns: Vec<u64> = messages
            .try_iter()
            .map(|message| match message {
                Message::Window { point, .. } => point.scn.get(),
                Message::CaughtUp | Message::Commit => 0,
            })
            .collect();
        assert_eq!(scns, [2, 3, 6]);
    }

    #[test]
    fn an_end_without_the_other_is_an_error() {
        let (queue, messages) = ProfilesQueue::new();
        send(&queue, 1, PROFILES_CHANGES_MAX, || false);
        drop(messages);
        let sent = try_send(&queue, 2, 1, || panic!("there is room"));
        assert!(matches!(sent, Err(IngestError::ProfilesStopped)));
    }
}
