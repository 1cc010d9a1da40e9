//! Follows the log: passes every durable window to the appliers as soon as it can be read.

use crate::{
    compaction::Compaction,
    ingest::{
        applier::{Applier, FollowedWindow},
        error::IngestError,
        progress::{Part, Progress},
    },
    limits::LOG_RETRY_INTERVAL,
    log_source::{LogSource, LogSourceError, Next, OutOfReach, Windows},
};
use cloud_model::{History, LogPoint, Scn};
use cloud_profile::Change;
use databus::{Chain, LoggedWindow, Window};
use std::{io, sync::Arc, thread::JoinHandle, time::Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The follower thread: its inputs and its loop.
pub(crate) struct Follower {
    pub(crate) source: Arc<dyn LogSource>,
    pub(crate) windows: Box<dyn Windows>,
    /// The point of the last window that was read.
    pub(crate) after: LogPoint,
    /// The appliers, the graph's first.
    pub(crate) appliers: Vec<Box<dyn Applier>>,
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) progress: Arc<Progress>,
    /// Ends the current pass through the log: the server stops, or a part was held up until now and
    /// has left windows in the log.
    pub(crate) pass: CancellationToken,
    pub(crate) stop: CancellationToken,
}

/// Returns the windows that the parts need, and the point that they come after: that of the part
/// which is furthest behind. If the log no longer holds windows that only profiles need, profiles
/// fail, and the graph goes on.
pub(crate) fn windows_of(
    source: &dyn LogSource,
    progress: &Progress,
) -> Result<(LogPoint, Box<dyn Windows>), LogSourceError> {
    let reached = progress.reached();
    let (graph, applied) = (
        reached.graph.scn,
        reached.graph.scn.max(reached.profiles.scn),
    );
    if reached.profiles.failed.is_none() {
        let after_scn = graph.min(reached.profiles.scn);
        let after = progress.point(after_scn);
        match source.windows_after(after, applied) {
            Err(error) if error.is_dropped() && after_scn < graph => {
                progress.fail(Part::Profiles, &dropped(after_scn, &error));
            }
            windows => return Ok((after, windows?)),
        }
    }
    let after = progress.point(graph);
    Ok((after, source.windows_after(after, graph)?))
}

fn dropped(scn: Scn, error: &LogSourceError) -> String {
    format!("bootstrap again: profiles and search stand at SCN {scn}: {error}")
}

impl Follower {
    /// Starts the thread, which ends in order when it is stopped.
    pub(crate) fn spawn(self, runtime: Handle) -> io::Result<JoinHandle<Result<(), IngestError>>> {
        let progress = Arc::clone(&self.progress);
        std::thread::Builder::new()
            .name("follower".to_owned())
            .spawn(move || {
                let outcome = self.run(&runtime);
                if let Err(error) = &outcome {
                    tracing::error!(%error, "stopped following the log");
                    progress.stop_following(&error.to_string());
                }
                outcome
            })
    }

    fn run(mut self, runtime: &Handle) -> Result<(), IngestError> {
        loop {
            match self.next()? {
                Next::Window(window) => {
                    self.progress.set_out_of_reach(None);
                    if !self.wait_for_room(runtime, window.scn)? {
                        return Ok(());
                    }
                    self.apply(window)?;
                }
                Next::CaughtUp => self.each(|applier| applier.caught_up())?,
                Next::OutOfReach(out_of_reach) => {
                    self.progress.set_out_of_reach(Some(out_of_reach));
                    self.each(|applier| applier.flush())?;
                }
                Next::InReach => self.progress.set_out_of_reach(None),
                Next::End if self.pass.is_cancelled() && !self.stop.is_cancelled() => {
                    self.pass = self.progress.begin_pass(&self.stop);
                    self.read_again()?;
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// Returns the source's next event. A relay reports only while it is read that its log no
    /// longer holds a window.
    fn next(&mut self) -> Result<Next, IngestError> {
        match self.windows.next(&self.pass) {
            Err(error) if error.is_dropped() && self.leave_profiles(&error) => {
                self.read_again()?;
                Ok(self.windows.next(&self.pass)?)
            }
            next => Ok(next?),
        }
    }

    /// Reads on after the SCN of the part that is furthest behind, without the appliers of parts
    /// that have failed.
    fn read_again(&mut self) -> Result<(), IngestError> {
        let mut was_short = false;
        (self.after, self.windows) = loop {
            match windows_of(&*self.source, &self.progress) {
                Err(error) if error.is_shortage() && !self.stop.is_cancelled() => {
                    self.progress.set_out_of_reach(Some(OutOfReach {
                        reason: error.to_string().into(),
                        since: Instant::now(),
                    }));
                    was_short = true;
                    std::thread::sleep(LOG_RETRY_INTERVAL);
                }
                windows => break windows?,
            }
        };
        if was_short {
            self.progress.set_out_of_reach(None);
        }
        self.appliers
            .retain(|applier| !self.progress.has_failed(applier.part()));
        Ok(())
    }

    /// Returns whether the missing windows are needed by profiles only. If so, profiles fail.
    fn leave_profiles(&mut self, error: &LogSourceError) -> bool {
        let is_behind = self.after.scn < self.progress.reached().graph.scn;
        if is_behind {
            let reason = dropped(self.after.scn, error);
            self.progress.fail(Part::Profiles, &reason);
        }
        is_behind
    }

    /// Waits until the overlay has room for a window at `scn`. Returns false if the server stops
    /// before.
    fn wait_for_room(&mut self, runtime: &Handle, scn: Scn) -> Result<bool, IngestError> {
        if !self.compaction.is_full() || scn <= self.progress.reached().graph.scn {
            return Ok(true);
        }
        // A snapshot contains only committed profiles, so they are committed first.
        self.each(|applier| applier.flush())?;
        let room = self.compaction.room(&self.progress);
        Ok(runtime
            .block_on(self.stop.run_until_cancelled(room))
            .is_some())
    }

    fn apply(&mut self, logged: LoggedWindow) -> Result<(), IngestError> {
        self.check_history(&logged)?;
        let LoggedWindow {
            scn,
            history,
            window,
            ..
        } = logged;
        let point = LogPoint { scn, history };
        self.progress.note(point);
        let previous_scn = std::mem::replace(&mut self.after, point).scn;
        self.progress.followed(window.changes.len());
        let mut followed = FollowedWindow {
            previous_scn,
            is_repeat: self.is_repeat(scn, &window),
            point,
            window,
            created: None,
        };
        self.each(|applier| applier.apply(&mut followed))
    }

    /// Returns an error if the window does not continue the windows that were applied, or if
    /// another window was applied at its SCN.
    fn check_history(&self, logged: &LoggedWindow) -> Result<(), LogSourceError> {
        let owner = self.source.owner().unwrap_or("this server");
        let mut chain = Chain::from(self.after);
        let before = History::number(logged.before);
        let own = History::number(logged.history);
        let continued = chain.accept(logged.scn, before, own);
        continued.map_err(|_| LogSourceError::other_history(owner, self.after))?;
        let point = LogPoint {
            scn: logged.scn,
            history: logged.history,
        };
        if self.progress.point(logged.scn).differs(&point) {
            return Err(LogSourceError::other_history(owner, point));
        }
        Ok(())
    }

    /// Calls `act` with every applier. One that fails is removed. If the graph's fails, the error
    /// is returned: the others need the nodes that it assigns to members.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut dyn Applier) -> Result<(), IngestError>,
    ) -> Result<(), IngestError> {
        let mut outcome = Ok(());
        self.appliers
            .retain_mut(|applier| match act(&mut **applier) {
                Ok(()) => true,
                Err(error) => {
                    let part = applier.part();
                    self.progress.fail(part, &error.to_string());
                    if part == Part::Graph {
                        outcome = Err(error);
                    }
                    false
                }
            });
        outcome
    }

    /// Returns whether the window is at or below its source's last offset. A log rejects such a
    /// window; if one is there all the same, its changes are skipped. (A mark from above the window
    /// is not compared: the graph was then ahead of the profiles.)
    fn is_repeat(&self, scn: Scn, window: &Window<Change>) -> bool {
        let last = self.progress.source_mark(&window.source_id);
        last.is_some_and(|last| last.scn < scn && (1..=last.offset).contains(&window.source_offset))
    }
}
