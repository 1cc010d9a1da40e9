//! A log that is served: the state that its subscribers and its publishers share.

use super::{log_metrics::PublishCounts, refusals::captured, sent_scns::SentScns};
use crate::{
    KeptFor, Log, Retention,
    limits::{RETENTION_INTERVAL, StreamLimits},
};
use cloud_model::{History, LogPoint, Scn};
use cloud_proto::databus::v1::AsOf;
use cloud_serving::Refusal;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::Semaphore, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// A function that returns why the process takes no windows now; `None` if it takes them.
type Trouble = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// A log that is served over the wire, with the permits and counters of its calls.
pub struct LogServer {
    pub(super) log: Log,
    /// The log's name, as responses state it.
    pub(super) log_id: String,
    pub(super) limits: StreamLimits,
    pub(super) subscriptions: Arc<Semaphore>,
    pub(super) publishers: Arc<Semaphore>,
    pub(super) sent_scns: Arc<SentScns>,
    pub(super) published: PublishCounts,
    /// The room for windows that wait for the log, in KiB.
    pub(super) publish_kib: Arc<Semaphore>,
    /// The sources whose windows are taken; none: every source's.
    sources: Vec<String>,
    /// Cancelled when the server shuts down; the streams then end.
    pub(super) stopping: CancellationToken,
    trouble: Trouble,
    /// The warnings for an operator, which the status lists.
    pub(super) warnings: Vec<String>,
}

impl fmt::Debug for LogServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LogServer")
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl LogServer {
    /// Returns a server of a log, which serves until `stopping` is cancelled. It takes no window
    /// while `trouble` returns a reason.
    pub fn new(
        log: Log,
        limits: StreamLimits,
        stopping: CancellationToken,
        trouble: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            subscriptions: Arc::new(Semaphore::new(limits.subscriptions_max)),
            sent_scns: Arc::default(),
            published: PublishCounts::default(),
            publishers: Arc::new(Semaphore::new(limits.publishers_max)),
            publish_kib: Arc::new(Semaphore::new(limits.publish_kib_max() as usize)),
            log_id: log.log_id().to_string(),
            log,
            limits,
            sources: Vec::new(),
            stopping,
            trouble: Box::new(trouble),
            warnings: Vec::new(),
        }
    }

    /// Takes only the windows of these sources; of all if there are none.
    #[must_use]
    pub fn taking(self, sources: Vec<String>) -> Self {
        Self { sources, ..self }
    }

    /// Lists these warnings in the status.
    #[must_use]
    pub fn warning(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }

    /// Returns the log that is served.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the number of open subscriptions.
    pub fn subscriptions(&self) -> usize {
        self.limits.subscriptions_max - self.subscriptions.available_permits()
    }

    /// Returns the number of each open subscription, and the SCN of the last window that was sent
    /// to it whole.
    pub fn sent_scns(&self) -> Vec<(u64, Scn)> {
        self.sent_scns.list()
    }

    /// Returns the number of open Publish calls.
    pub fn publishers(&self) -> usize {
        self.limits.publishers_max - self.publishers.available_permits()
    }

    /// Applies `retention` to the log every [`RETENTION_INTERVAL`] until the server stops. Never
    /// removes a window that `kept_for` declares as needed. Returns at once if `retention` has no
    /// limit.
    pub async fn keep_to<Kept: Into<KeptFor>>(
        self: Arc<Self>,
        retention: Retention,
        kept_for: impl Fn() -> Kept + Send,
    ) {
        if retention == Retention::default() {
            return;
        }
        let mut interval = tokio::time::interval(RETENTION_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut logged = String::new();
        while self
            .stopping
            .run_until_cancelled(interval.tick())
            .await
            .is_some()
        {
            let (log, kept_for) = (self.log.clone(), kept_for().into());
            let looked = tokio::task::spawn_blocking(move || {
                log.retain(retention, kept_for, SystemTime::now())
            });
            match looked.await {
                Ok(Ok(dropped)) => {
                    logged.clear();
                    if dropped.segments > 0 {
                        let oldest_after_scn = self.log.status().oldest_after_scn.get();
                        let (segments, bytes) = (dropped.segments, dropped.bytes);
                        tracing::info!(
                            segments,
                            bytes,
                            oldest_after_scn,
                            "the log has removed its oldest segments"
                        );
                    }
                    if dropped.wanted_segments > 0 {
                        let wanted_after_scn = kept_for.wanted_after_scn.get();
                        tracing::warn!(
                            wanted_after_scn,
                            "the log is over its limit of bytes: it has removed windows that were \
                             wanted"
                        );
                    }
                }
                // The next tick tries again. Only an error with another text is logged again.
                Ok(Err(error)) if logged != error.to_string() => {
                    tracing::error!(%error, "old segments cannot be removed; will be retried");
                    logged = error.to_string();
                }
                Ok(Err(_)) => {}
                Err(error) => tracing::error!(%error, "the removal of old segments ended early"),
            }
        }
    }

    /// Checks that the log takes the windows of a source.
    pub(super) fn check_source(&self, source_id: &str) -> Result<(), Refusal> {
        if self.sources.is_empty() || self.sources.iter().any(|taken| taken == source_id) {
            return Ok(());
        }
        Err(captured(&self.sources, source_id))
    }

    /// Checks that the process takes windows.
    ///
    /// # Errors
    /// If the process is shutting down, or does not serve for another reason.
    pub fn check_serving(&self) -> Result<(), Refusal> {
        if self.stopping.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        (self.trouble)().map_or(Ok(()), |why| Err(Refusal::not_serving(&why)))
    }

    /// Returns a point of the log, as responses state it.
    pub(super) fn as_of(&self, point: LogPoint) -> AsOf {
        AsOf {
            log_id: self.log_id.clone(),
            scn: point.scn.get(),
            history: History::number(point.history),
        }
    }

    pub(super) fn stall_ms(&self) -> u64 {
        millis(self.limits.stall_max)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
