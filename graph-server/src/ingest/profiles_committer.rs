//! Commits profiles and the search index on a separate thread: a commit takes milliseconds, and
//! degrees do not wait for it.
//!
//! While changes wait, there is one commit in an interval, and one for every
//! [`PROFILES_COMMIT_CHANGES`] changes; without changes, there is none. While a start catches up,
//! the interval does not count, and there is a commit when the relay is out of reach.
//!
//! A live store that is damaged, or whose library panics, is made again: the index from the
//! profiles, the profiles from a snapshot and the log.
//!
//! While the disk is full, a commit waits and the queue fills. The follower then leaves windows in
//! the log, so that the graph goes on, and reads them again once profiles can be written.

use crate::{
    ingest::{
        error::IngestError,
        live_folder::LiveFolder,
        profiles_queue::{Message, ProfilesQueue},
        progress::{Part, Progress},
    },
    limits::{COMMIT_RETRY_INTERVAL, Limits, PROFILES_COMMIT_CHANGES, PROFILES_QUEUE_WINDOWS_MAX},
};
use cloud_model::LogPoint;
use cloud_search::{ApplyError, ProfileStore, ProfileWriter};
use cloud_serving::process::catch_panic;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    io,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The committing thread: its inputs and its loop.
pub(crate) struct ProfilesCommitter {
    pub(crate) writer: ProfileWriter,
    pub(crate) profiles: ProfileStore,
    live: LiveFolder,
    pub(crate) progress: Arc<Progress>,
    stop: CancellationToken,
    windows: Receiver<Message>,
    interval: Duration,
    caught_up: bool,
    commit_asked: bool,
    applied: LogPoint,
    /// The room that the changes which wait for a commit take in the queue.
    room: Option<OwnedSemaphorePermit>,
    commit_begun: Instant,
}

impl ProfilesCommitter {
    /// Creates the committer, and the queue to it.
    pub(crate) fn new(
        profiles: ProfileStore,
        writer: ProfileWriter,
        live: LiveFolder,
        progress: Arc<Progress>,
        stop: CancellationToken,
        limits: &Limits,
    ) -> (Self, ProfilesQueue) {
        let (queue, windows) = ProfilesQueue::new();
        let interval = Duration::from_millis(limits.profiles_commit_interval_ms);
        let committer = Self {
            applied: progress.point(profiles.applied_scn()),
            writer,
            profiles,
            live,
            progress,
            stop,
            windows,
            interval,
            caught_up: false,
            commit_asked: false,
            room: None,
            commit_begun: Instant::now(),
        };
        (committer, queue)
    }

    pub(crate) fn spawn(self) -> io::Result<JoinHandle<Result<(), IngestError>>> {
        let progress = Arc::clone(&self.progress);
        std::thread::Builder::new()
            .name("profiles".to_owned())
            .spawn(move || {
                let outcome = self.run();
                if let Err(error) = &outcome {
                    progress.fail(Part::Profiles, &error.to_string());
                }
                outcome
            })
    }

    /// Follows until the queue ends. After a failure of the live stores they are opened again, and
    /// the log's windows are read again. Any other failure is permanent.
    fn run(mut self) -> Result<(), IngestError> {
        loop {
            let failure = match catch_panic(|| self.follow()) {
                Ok(Ok(())) => return self.close(),
                Ok(Err(failure)) => failure,
                Err(panicked) => panicked.into(),
            };
            if self.stop.is_cancelled() || !self.is_of_live_stores(&failure) {
                return Err(failure);
            }
            self.rebuild(failure)?;
        }
    }

    fn follow(&mut self) -> Result<(), IngestError> {
        loop {
            match self.next() {
                Ok(message) => self.take(message)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            // Messages that arrived during the last commit go into the next one, however long it
            // took.
            for _ in 0..PROFILES_QUEUE_WINDOWS_MAX {
                if self.is_full() {
                    break;
                }
                match self.windows.try_recv() {
                    Ok(message) => self.take(message)?,
                    Err(_) => break,
                }
            }
            if self.commit_is_due() {
                self.commit()?;
            } else if !self.writer.is_pending() {
                self.room = None;
            }
            self.progress.profiles_reached(self.writer.applied_scn());
            if self.writer.is_current() {
                self.progress.end_rebuild(Part::Profiles);
            }
        }
    }

    fn close(mut self) -> Result<(), IngestError> {
        if let Err(error) = self.live.check_in_place() {
            self.writer.abandon();
            return Err(error.into());
        }
        Ok(catch_panic(|| self.writer.close(self.applied))??)
    }

    /// Returns whether the live stores can be made again after a failure.
    fn is_of_live_stores(&self, failure: &IngestError) -> bool {
        match failure {
            IngestError::Profiles(error) => error.is_in(&self.live.path()),
            IngestError::ProfilesPanicked(_) => true,
            _ => false,
        }
    }

    /// Opens the live stores again, and retries until it succeeds. Profiles and search are not
    /// served meanwhile, and not before they have reached what readers have seen.
    fn rebuild(&mut self, failure: IngestError) -> Result<(), IngestError> {
        self.progress
            .begin_rebuild(Part::Profiles, &failure.to_string());
        self.writer.abandon();
        loop {
            // Stores that fail again at once are not opened without a pause.
            std::thread::sleep(COMMIT_RETRY_INTERVAL);
            if self.stop.is_cancelled() {
                return Err(failure);
            }
            match self.live.open_again(&self.profiles) {
                Ok(writer) => {
                    self.applied = self.progress.point(writer.applied_scn());
                    self.writer = writer;
                    self.room = None;
                    if self.stop.is_cancelled() {
                        self.profiles.persistence().give_up();
                    }
                    self.progress.rebuild_from(self.applied.scn);
                    return Ok(());
                }
                Err(error) => {
                    let reason = format!("{failure}; and again: {error}");
                    self.progress.begin_rebuild(Part::Profiles, &reason);
                }
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<(), IngestError> {
        match message {
            // Read again after a hold-up, or follows windows that are still to be read again.
            Message::Window {
                previous_scn,
                point,
                ..
            } if point.scn <= self.applied.scn || previous_scn > self.applied.scn => {}
            Message::Window {
                point,
                changes,
                room,
                ..
            } => {
                match &mut self.room {
                    Some(taken) => taken.merge(room),
                    taken => *taken = Some(room),
                }
                self.writer.apply(point, changes)?;
                self.applied = point;
            }
            Message::CaughtUp => self.caught_up = true,
            Message::Commit => self.commit_asked = self.writer.is_pending(),
        }
        Ok(())
    }

    /// Commits, and retries while the disk is full or fails temporarily. Meanwhile readers use the
    /// last commit. Nothing is lost: the log holds the changes.
    fn commit(&mut self) -> Result<(), IngestError> {
        self.commit_begun = Instant::now();
        let (mut held_up, mut index_failed) = (false, false);
        loop {
            let error: IngestError = match catch_panic(|| self.attempt(index_failed)) {
                Ok(Ok(())) => break,
                Ok(Err(error)) if self.stop.is_cancelled() || error.is_permanent() => {
                    return Err(error.into());
                }
                Ok(Err(error)) => {
                    index_failed = error.is_of_index();
                    error.into()
                }
                // Tantivy, in all likelihood: the profiles' store returns its errors.
                Err(panicked) if !index_failed && !self.stop.is_cancelled() => {
                    index_failed = true;
                    panicked.into()
                }
                Err(panicked) => return Err(panicked.into()),
            };
            held_up = true;
            let reason = error.to_string();
            self.progress.hold_up(Part::Profiles, Some(&reason));
            tracing::error!(
                %error,
                applied_scn = self.applied.scn.get(),
                "profiles and search cannot be written, retrying"
            );
            std::thread::sleep(COMMIT_RETRY_INTERVAL);
        }
        if held_up {
            self.progress.hold_up(Part::Profiles, None);
        }
        self.room = None;
        self.commit_asked = false;
        Ok(())
    }

    /// Returns whether so many changes wait that they are committed at once.
    fn is_full(&self) -> bool {
        let taken = self
            .room
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        taken >= PROFILES_COMMIT_CHANGES
    }

    /// Attempts to commit. If the index has failed before, it is made again from the profiles.
    fn attempt(&mut self, index_failed: bool) -> Result<(), ApplyError> {
        self.live.check_in_place()?;
        if index_failed {
            self.writer.rebuild_index()?;
            tracing::warn!("the live index was made again from the live profiles");
        }
        self.writer.commit(self.applied)
    }

    /// Waits for the next message, but not beyond the time when a commit is due.
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
                || self.is_full()
                || self.caught_up && self.commit_begun.elapsed() >= self.interval)
    }
}
