//! Commits profiles and the search index, on a thread of its own: a commit takes milliseconds, and degrees do not
//! wait for it.
//!
//! At most one commit in an interval while changes wait, and none when it is quiet; while a start catches up, one for
//! every so many changes, and one when its relay cannot be heard.

use super::IngestError;
use crate::{
    ingest::progress::Progress,
    limits::{COMMIT_RETRY_INTERVAL, Limits, PEOPLE_QUEUE_WINDOWS_MAX, REPLAY_COMMIT_CHANGES},
};
use cloud_model::Scn;
use cloud_search::{People, PeopleChange, PeopleWriter};
use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// The thread's work.
pub(crate) struct PeopleCommitter {
    pub(crate) writer: PeopleWriter,
    pub(crate) people: People,
    pub(crate) progress: Arc<Progress>,
    stop: CancellationToken,
    windows: Receiver<Message>,
    interval: Duration,
    caught_up: bool,
    commit_asked: bool,
    applied: Scn,
    changes_waiting: usize,
    commit_begun: Instant,
}

enum Message {
    Window(Scn, Vec<PeopleChange>),
    /// Everything that was in the log at the start has been sent.
    CaughtUp,
    /// Somebody waits for what was sent.
    Commit,
}

/// The way to the thread. Dropping it ends the thread, with a last commit.
pub(crate) struct PeopleQueue(SyncSender<Message>);

impl PeopleQueue {
    /// Hands over a window's changes, none among them; waits while the queue is full.
    pub(crate) fn send(&self, scn: Scn, changes: Vec<PeopleChange>) -> Result<(), IngestError> {
        self.0
            .send(Message::Window(scn, changes))
            .map_err(|_| IngestError::PeopleStopped)
    }

    pub(crate) fn caught_up(&self) -> Result<(), IngestError> {
        self.0
            .send(Message::CaughtUp)
            .map_err(|_| IngestError::PeopleStopped)
    }

    /// Has everything committed that was sent so far, without waiting for it.
    pub(crate) fn commit(&self) -> Result<(), IngestError> {
        self.0
            .send(Message::Commit)
            .map_err(|_| IngestError::PeopleStopped)
    }
}

impl PeopleCommitter {
    pub(crate) fn new(
        people: People,
        writer: PeopleWriter,
        progress: Arc<Progress>,
        stop: CancellationToken,
        limits: &Limits,
    ) -> (Self, PeopleQueue) {
        let (queue, windows) = sync_channel(PEOPLE_QUEUE_WINDOWS_MAX);
        let interval = Duration::from_millis(limits.people_commit_interval_ms);
        let committer = Self {
            applied: people.applied_scn(),
            writer,
            people,
            progress,
            stop,
            windows,
            interval,
            caught_up: false,
            commit_asked: false,
            changes_waiting: 0,
            commit_begun: Instant::now(),
        };
        (committer, PeopleQueue(queue))
    }

    pub(crate) fn spawn(self) -> io::Result<JoinHandle<Result<(), IngestError>>> {
        let progress = Arc::clone(&self.progress);
        std::thread::Builder::new()
            .name("people".to_owned())
            .spawn(move || {
                let outcome = self.run();
                if let Err(error) = &outcome {
                    tracing::error!(%error, "stopped committing profiles");
                    progress.failed(&error.to_string());
                }
                outcome
            })
    }

    fn run(mut self) -> Result<(), IngestError> {
        loop {
            match self.next() {
                Ok(message) => self.take(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            // What came during the last commit goes into the next one, however long it took.
            for _ in 0..PEOPLE_QUEUE_WINDOWS_MAX {
                match self.windows.try_recv() {
                    Ok(message) => self.take(message)?,
                    Err(_) => break,
                }
            }
            if self.commit_is_due() {
                self.commit()?;
            }
            self.progress.people_reached(self.people.applied_scn());
        }
        self.writer.close(self.applied)?;
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), IngestError> {
        match message {
            Message::Window(scn, changes) => {
                self.changes_waiting += changes.len();
                self.writer.apply(scn, changes)?;
                self.applied = scn;
            }
            Message::CaughtUp => self.caught_up = true,
            Message::Commit => self.commit_asked = self.writer.is_pending(),
        }
        Ok(())
    }

    /// Commits; while the disk is full, or fails, tries again and again. Readers go on with what was committed
    /// before, and nothing is lost: the log has it.
    fn commit(&mut self) -> Result<(), IngestError> {
        self.commit_begun = Instant::now();
        let mut held_up = false;
        while let Err(error) = self.writer.commit(self.applied) {
            if self.stop.is_cancelled() {
                return Err(error.into());
            }
            held_up = true;
            self.progress.people_held_up(Some(&error.to_string()));
            tracing::error!(%error, applied = %self.applied, "profiles and search cannot be written, trying again");
            std::thread::sleep(COMMIT_RETRY_INTERVAL);
        }
        if held_up {
            self.progress.people_held_up(None);
        }
        self.changes_waiting = 0;
        self.commit_asked = false;
        Ok(())
    }

    /// Waits for the next message, no longer than until a commit is due.
    fn next(&self) -> Result<Message, RecvTimeoutError> {
        if self.caught_up && self.writer.is_pending() {
            self.windows
                .recv_timeout(self.interval.saturating_sub(self.commit_begun.elapsed()))
        } else {
            self.windows
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected)
        }
    }

    fn commit_is_due(&self) -> bool {
        self.writer.is_pending()
            && (self.commit_asked
                || if self.caught_up {
                    self.commit_begun.elapsed() >= self.interval
                } else {
                    self.changes_waiting >= REPLAY_COMMIT_CHANGES
                })
    }
}
