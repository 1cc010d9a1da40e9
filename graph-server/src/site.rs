//! What all calls share: the graph, profiles and search, the log, and the means to answer from them.

use crate::{
    compaction::Compaction, ingest::progress::Progress, limits::Limits,
    log_source::change_log::ChangeLog, read_context::Graphs, views::view_cache::Views,
    workers::Workers,
};
use cloud_model::Scn;
use cloud_search::People;
use cloud_serving::{self as serving, metrics::Calls};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// What one server holds of one site.
pub(crate) struct Site {
    pub(crate) limits: Limits,
    pub(crate) log: ChangeLog,
    pub(crate) graphs: Graphs,
    pub(crate) compaction: Arc<Compaction>,
    pub(crate) people: People,
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
    /// The SCN of the oldest snapshot that a start may fall back to: the log keeps what comes after it.
    pub(crate) fn oldest_snapshot_scn(&self) -> Scn {
        self.compaction.status().oldest_kept
    }

    /// Whether the server goes on following the log, and is not told to end.
    pub(crate) fn check_serving(&self) -> Result<(), serving::Refusal> {
        if self.stopping.is_cancelled() {
            return Err(serving::Refusal::shutting_down());
        }
        match self.progress.reached().failed {
            Some(reason) => Err(serving::Refusal::not_serving(&reason)),
            None => Ok(()),
        }
    }
}
