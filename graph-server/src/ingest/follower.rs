//! Follows the log: every durable window goes into the graph, and on to the profiles, as soon as it can be read.

use super::{
    changes::{graph_changes, people_changes},
    people_committer::PeopleQueue,
};
use crate::{
    compaction::{Compaction, SharedWriter, lock},
    ingest::progress::Progress,
    log_source::{
        relay_windows::RelayError,
        windows::{Next, Windows},
    },
};
use cloud_engine::{ApplyError, Current};
use cloud_model::{Scn, SourceMark};
use cloud_profile::Change;
use databus::{LoggedWindow, ReadError, Window};
use std::{io, sync::Arc, thread::JoinHandle};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The thread's work.
pub(crate) struct Follower {
    pub(crate) writer: SharedWriter,
    pub(crate) current: Current,
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) windows: Windows,
    pub(crate) people: PeopleQueue,
    /// What the profiles held when the server started.
    pub(crate) people_scn: Scn,
    pub(crate) progress: Arc<Progress>,
    pub(crate) stop: CancellationToken,
}

/// The server cannot follow the log any more. What it answers stays right, and grows old.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The log cannot be read on.
    #[error("the log cannot be followed: {0}")]
    Read(#[from] ReadError),
    /// The relay's log does not go on from here.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// A window does not fit the graph.
    #[error("the graph cannot follow the log: {0}")]
    Graph(#[from] ApplyError),
    /// A window does not fit the profiles, or they cannot be written.
    #[error("profiles and search cannot follow the log: {0}")]
    People(#[from] cloud_search::ApplyError),
    /// The thread that commits profiles has ended.
    #[error("profiles and search have stopped")]
    PeopleStopped,
}

impl Follower {
    /// Begins; the thread ends in order when it is stopped.
    pub(crate) fn spawn(self, runtime: Handle) -> io::Result<JoinHandle<Result<(), IngestError>>> {
        let progress = Arc::clone(&self.progress);
        std::thread::Builder::new()
            .name("follower".to_owned())
            .spawn(move || {
                let outcome = self.run(&runtime);
                if let Err(error) = &outcome {
                    tracing::error!(%error, "stopped following the log");
                    progress.failed(&error.to_string());
                }
                outcome
            })
    }

    fn run(mut self, runtime: &Handle) -> Result<(), IngestError> {
        loop {
            match self.windows.next(runtime, &self.stop)? {
                Next::Window(window) => {
                    if !self.room(runtime, window.scn)? {
                        return Ok(());
                    }
                    self.take(window)?;
                }
                Next::CaughtUp => self.people.caught_up()?,
                Next::OutOfReach => self.people.commit()?,
                Next::End => return Ok(()),
            }
        }
    }

    /// Waits until the overlay has room for a window at `scn`; no when it was stopped before.
    fn room(&mut self, runtime: &Handle, scn: Scn) -> Result<bool, IngestError> {
        if scn <= self.current.version().published() || !self.compaction.is_full() {
            return Ok(true);
        }
        // The compaction waits for what the profiles have been told, and they may wait for more.
        self.people.commit()?;
        let room = self.compaction.room(&self.progress);
        Ok(runtime
            .block_on(self.stop.run_until_cancelled(room))
            .is_some())
    }

    fn take(&mut self, LoggedWindow { scn, window }: LoggedWindow) -> Result<(), IngestError> {
        self.progress.followed(window.changes.len());
        let repeat = self.is_repeat(scn, &window);
        let mut writer = lock(&self.writer);
        let created = if scn > writer.version().published() {
            let changes = if repeat {
                Vec::new()
            } else {
                graph_changes(&window)
            };
            let created = if changes.is_empty() {
                writer.publish(scn)?;
                Vec::new()
            } else {
                writer.apply(scn, &changes)?.created
            };
            self.compaction.overlay_is_of(&writer);
            let mark = (!repeat).then(|| mark(&window, scn)).flatten();
            self.progress.graph_reached(scn, mark);
            Some(created.iter().map(|created| created.member).collect())
        } else {
            None
        };
        drop(writer);
        if scn > self.people_scn {
            let graph = self.current.graph();
            let changes = if repeat {
                Vec::new()
            } else {
                people_changes(window, &graph, created.as_ref())
            };
            self.people.send(scn, changes)?;
        }
        Ok(())
    }

    /// A log does not take a window at or below its source's last offset; one that comes all the same says nothing. (A mark
    /// from above the window tells nothing of it: the graph was further than the profiles.)
    fn is_repeat(&self, scn: Scn, window: &Window<Change>) -> bool {
        let last = self.progress.source_mark(&window.source_id);
        last.is_some_and(|last| last.scn < scn && window.source_offset <= last.offset)
    }
}

fn mark(window: &Window<Change>, scn: Scn) -> Option<SourceMark> {
    (!window.source_id.is_empty()).then(|| SourceMark {
        source_id: window.source_id.clone(),
        offset: window.source_offset,
        scn,
    })
}
