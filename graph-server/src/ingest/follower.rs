//! Follows the log: every durable window goes into the graph, and on to the profiles, as soon as it can be read.

use super::{
    changes::{graph_changes, people_changes},
    people_committer::PeopleQueue,
};
use crate::progress::Progress;
use cloud_engine::{ApplyError, Scn, Writer};
use databus::{Log, LogReader, LoggedWindow, ReadError, SourceMark};
use std::{io, sync::Arc, thread::JoinHandle};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The thread's work.
pub(crate) struct Follower {
    pub(crate) writer: Writer,
    pub(crate) reader: LogReader,
    pub(crate) log: Log,
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
    /// Begins; the thread answers the writer when it was stopped in order.
    pub(crate) fn spawn(
        self,
        runtime: Handle,
    ) -> io::Result<JoinHandle<Result<Writer, IngestError>>> {
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

    fn run(mut self, runtime: &Handle) -> Result<Writer, IngestError> {
        let mut head = self.log.head_watch();
        let mut caught_up = false;
        while !self.stop.is_cancelled() {
            if let Some(window) = self.reader.next_window()? {
                self.take(window)?;
                continue;
            }
            if !caught_up {
                caught_up = true;
                self.people.caught_up()?;
            }
            let closed = runtime.block_on(async {
                tokio::select! {
                    changed = head.changed() => changed.is_err(),
                    () = self.stop.cancelled() => true,
                }
            });
            if closed {
                break;
            }
        }
        Ok(self.writer)
    }

    fn take(&mut self, LoggedWindow { scn, window }: LoggedWindow) -> Result<(), IngestError> {
        let at = Scn::new(scn);
        self.progress.followed(window.changes.len());
        let created = if at > self.writer.version().published() {
            let changes = graph_changes(&window);
            let created = if changes.is_empty() {
                self.writer.publish(at)?;
                Vec::new()
            } else {
                self.writer.apply(at, &changes)?.created
            };
            self.progress
                .graph_reached(scn, mark(&window.source_id, window.source_offset, scn));
            Some(created.iter().map(|created| created.member).collect())
        } else {
            None
        };
        if at > self.people_scn {
            let graph = self.writer.version().graph();
            let changes = people_changes(window, &graph, created.as_ref());
            self.people.send(at, changes)?;
        }
        Ok(())
    }
}

fn mark(source_id: &str, offset: u64, scn: u64) -> Option<SourceMark> {
    (!source_id.is_empty()).then(|| SourceMark {
        source_id: source_id.to_owned(),
        offset,
        scn,
    })
}
