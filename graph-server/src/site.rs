//! The state that all calls share: the graph, profiles and search, the log, caches and threads.

use crate::{
    compaction::Compaction,
    ingest::progress::{Part, Progress},
    limits::Limits,
    list_streams::ListStreams,
    log_source::LogSource,
    read_context::Graphs,
    views::view_cache::Views,
    workers::Workers,
};
use cloud_capture::stream as capture;
use cloud_search::ProfileStore;
use cloud_serving::{self as serving, metrics::Calls};
use databus::rpc::LogServer;
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The state of a server's site.
pub(crate) struct Site {
    /// The folder of the snapshots.
    pub(crate) folder: PathBuf,
    /// The folder of the log, if this process owns it.
    pub(crate) log_folder: Option<PathBuf>,
    pub(crate) limits: Limits,
    /// The log that is followed.
    pub(crate) log: Arc<dyn LogSource>,
    /// The server of the log's calls, if this process owns the log.
    pub(crate) log_server: Option<Arc<LogServer>>,
    pub(crate) graphs: Graphs,
    pub(crate) compaction: Arc<Compaction>,
    /// Profiles and index; `None` if they could not be opened. `progress` holds the reason.
    pub(crate) profiles: Option<ProfileStore>,
    pub(crate) progress: Arc<Progress>,
    /// The progress of capture, once a server with a core database captures.
    pub(crate) capture: OnceLock<Arc<capture::Progress>>,
    /// Held while a backup is taken.
    pub(crate) backup: Arc<tokio::sync::Mutex<()>>,
    pub(crate) views: Arc<Views>,
    pub(crate) list_streams: ListStreams,
    pub(crate) heavy: Workers,
    pub(crate) search: Workers,
    /// The threads for batches of profiles that are too large for the threads of connections.
    pub(crate) batches: Workers,
    /// Cancelled when the server shuts down: then streams end.
    pub(crate) stopping: CancellationToken,
    pub(crate) started: Instant,
    pub(crate) calls: Arc<Calls>,
    /// The warnings for an operator, which the status lists.
    pub(crate) warnings: Vec<String>,
}

impl Site {
    /// Returns an error if the server no longer follows the log, or shuts down.
    pub(crate) fn check_serving(&self) -> Result<(), serving::Refusal> {
        if self.stopping.is_cancelled() {
            return Err(serving::Refusal::shutting_down());
        }
        match self.progress.reached().stopped {
            Some(reason) => Err(serving::Refusal::not_serving(&reason)),
            None => Ok(()),
        }
    }

    /// Returns an error if reads should not be sent to this server, or else what it does not serve,
    /// if anything. A server without its search still answers most calls, and is ready.
    pub(crate) fn readiness(&self) -> Result<Option<String>, serving::Refusal> {
        self.check_serving()?;
        let profiles = self.progress.check(Part::Profiles).err();
        let profiles =
            profiles.map(|refusal| format!("not serving profiles and search: {}", refusal.why()));
        let notes: Vec<_> = profiles.into_iter().chain(self.capture_stands()).collect();
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }

    /// Returns why the site does not follow its core database: capture has ended, or tries again.
    pub(crate) fn capture_stands(&self) -> Option<String> {
        let figures = self.capture.get()?.figures();
        let reason = figures.reason.filter(|_| !figures.is_streaming)?;
        Some(match figures.has_ended {
            true => format!("the core database is no longer captured: {reason}"),
            false => format!("the core database is not captured at present: {reason}"),
        })
    }

    /// Returns the profiles, or an error once they are not served.
    pub(crate) fn served_profiles(&self) -> Result<&ProfileStore, serving::Refusal> {
        self.progress.check(Part::Profiles)?;
        let closed = || serving::Refusal::internal("profiles are not open");
        self.profiles.as_ref().ok_or_else(closed)
    }
}
