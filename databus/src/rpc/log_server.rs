//! A log that is served: what its subscribers and its publishers share.

use super::{log_metrics::PublishCounts, sent_scns::SentScns};
use crate::{
    KeptFor, Log, Retention,
    limits::{RETENTION_INTERVAL, StreamLimits},
};
use cloud_model::Scn;
use cloud_proto::databus::v1::AsOf;
use cloud_serving::Refusal;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::Semaphore, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Why the process does not take windows now, if it does not.
type Trouble = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// A log, and the places for those who read and write it over the wire.
pub struct LogServer {
    pub(super) log: Log,
    /// The log's name, as answers state it.
    pub(super) log_id: String,
    pub(super) limits: StreamLimits,
    pub(super) subscriptions: Arc<Semaphore>,
    pub(super) publishers: Arc<Semaphore>,
    pub(super) sent_scns: Arc<SentScns>,
    pub(super) published: PublishCounts,
    /// KiB of windows that wait for the log.
    pub(super) publish_kib: Arc<Semaphore>,
    /// Cancelled when the server shuts down: streams end.
    pub(super) stopping: CancellationToken,
    trouble: Trouble,
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
    /// Serves a log until `stopping`; no window is taken while `trouble` says why not.
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
            stopping,
            trouble: Box::new(trouble),
        }
    }

    /// What is served.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Open subscriptions.
    pub fn subscriptions(&self) -> usize {
        self.limits.subscriptions_max - self.subscriptions.available_permits()
    }

    /// Returns the number of each open subscription, and the SCN of the last window that it was sent
    /// whole.
    pub fn sent_scns(&self) -> Vec<(u64, Scn)> {
        self.sent_scns.list()
    }

    /// Open Publish calls.
    pub fn publishers(&self) -> usize {
        self.limits.publishers_max - self.publishers.available_permits()
    }

    /// Removes what is over `retention`, now and then until the server stops; never a window that
    /// `kept_for` says to be needed.
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
        let mut told = String::new();
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
                    told.clear();
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
                        let wanted_after_scn = kept_for.wanted_after_scn;
                        tracing::warn!(
                            %wanted_after_scn,
                            "the log is over its limit of bytes: it has removed windows that were wanted"
                        );
                    }
                }
                // It is tried again, and said again when it is another problem.
                Ok(Err(error)) if told != error.to_string() => {
                    tracing::error!(%error, "the log keeps more than it should");
                    told = error.to_string();
                }
                Ok(Err(_)) => {}
                Err(error) => tracing::error!(%error, "the log was not looked at"),
            }
        }
    }

    /// Refuses to take windows when the process does not serve.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_serving(&self) -> Result<(), Refusal> {
        if self.stopping.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        (self.trouble)().map_or(Ok(()), |why| Err(Refusal::not_serving(&why)))
    }

    /// An SCN of the log, as answers state it.
    pub(super) fn as_of(&self, scn: Scn) -> AsOf {
        AsOf {
            log_id: self.log_id.clone(),
            scn: scn.get(),
        }
    }

    pub(super) fn stall_ms(&self) -> u64 {
        millis(self.limits.stall_max)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
