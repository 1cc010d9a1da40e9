//! What all calls share: the graph, profiles and search, the log, and the means to answer from them.

use crate::{
    compaction::Compaction,
    ingest::progress::{Part, Progress},
    limits::Limits,
    log_source::LogSource,
    read_context::Graphs,
    views::view_cache::Views,
    workers::Workers,
};
use cloud_search::People;
use cloud_serving::{self as serving, metrics::Calls};
use databus::rpc::LogServer;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// What one server holds of one site.
pub(crate) struct Site {
    pub(crate) limits: Limits,
    /// The log that is followed.
    pub(crate) log: Arc<dyn LogSource>,
    /// Serves the log, where this process owns it.
    pub(crate) log_server: Option<Arc<LogServer>>,
    pub(crate) graphs: Graphs,
    pub(crate) compaction: Arc<Compaction>,
    /// Profiles and index; absent where they could not be opened: `progress` says why.
    pub(crate) people: Option<People>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) views: Arc<Views>,
    pub(crate) heavy: Workers,
    pub(crate) search: Workers,
    /// Cancelled when the server shuts down: streams end.
    pub(crate) stopping: CancellationToken,
    pub(crate) started: Instant,
    pub(crate) calls: Arc<Calls>,
    /// A request that takes longer gets a line in the log; `None`: none does.
    pub(crate) slow_request: Option<Duration>,
}

impl Site {
    /// Whether the server goes on following the log, and does not shut down.
    pub(crate) fn check_serving(&self) -> Result<(), serving::Refusal> {
        if self.stopping.is_cancelled() {
            return Err(serving::Refusal::shutting_down());
        }
        match self.progress.reached().stopped {
            Some(reason) => Err(serving::Refusal::not_serving(&reason)),
            None => Ok(()),
        }
    }

    /// Why reads should not be sent here, or what is not served all the same. A server without its
    /// search still answers most calls, and is ready.
    pub(crate) fn readiness(&self) -> Result<Option<String>, serving::Refusal> {
        self.check_serving()?;
        let profiles = self.progress.check(Part::Profiles).err();
        Ok(profiles.map(|refusal| format!("not serving profiles and search: {}", refusal.why())))
    }

    /// The profiles, while they are served.
    pub(crate) fn served_profiles(&self) -> Result<&People, serving::Refusal> {
        self.progress.check(Part::Profiles)?;
        let closed = || serving::Refusal::internal("profiles are not open");
        self.people.as_ref().ok_or_else(closed)
    }
}
