//! A log that a relay owns, as far as this server has received it.
//!
//! A relay may be out of reach, at the start or later. The server then answers as of its SCN and
//! retries. The relay's log is checked at the relay's first answer. A server that never followed a
//! log waits for the relay at its start: every answer carries the log's id.

use super::{
    LogSource, LogSourceError, Windows,
    expected_log::ExpectedLog,
    relay_client::{RelayClient, RelayError, RelayStatus},
    relay_windows::RelayWindows,
};
use cloud_engine::Manifest;
use cloud_model::{LineageId, LogId, LogPoint, Scn};
use databus::Log;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// A relay's log.
pub(crate) struct RelayLog {
    known: Arc<Known>,
    /// The log that the relay must have, and why the relay did not answer when the log was opened;
    /// `None` if it did.
    unanswered: Option<(ExpectedLog, String)>,
}

/// The known properties of a relay's log.
pub(super) struct Known {
    /// The relay, as `http://HOST:PORT`.
    pub(super) address: String,
    pub(super) log_id: LogId,
    lineage_id: OnceLock<LineageId>,
    head: Mutex<LogPoint>,
    /// The lowest SCN after which the relay held the log at its first answer.
    oldest_after_scn: OnceLock<Scn>,
}

impl RelayLog {
    /// Requests the relay's status, and checks that its log continues the snapshot.
    pub(crate) fn open(
        address: String,
        manifest: &Manifest,
        followed: impl FnOnce() -> Option<LogId>,
        waiting: impl Fn(&str),
    ) -> Result<Self, LogSourceError> {
        let expected = ExpectedLog::of(manifest)?;
        runtime()?.block_on(Self::find(address, expected, followed, waiting))
    }

    async fn find(
        address: String,
        expected: ExpectedLog,
        followed: impl FnOnce() -> Option<LogId>,
        waiting: impl Fn(&str),
    ) -> Result<Self, LogSourceError> {
        let mut relay = RelayClient::new(address);
        let mut followed = Some(followed);
        loop {
            let reason = match relay.status().await {
                Ok(status) => {
                    expected.check(&relay.address, status)?;
                    let known = Known::new(relay.address, status.log_id);
                    known.receive_status(status);
                    return Ok(Self {
                        known: Arc::new(known),
                        unanswered: None,
                    });
                }
                Err(RelayError::Permanent(error)) => return Err(error),
                Err(RelayError::Transient(reason)) => reason,
            };
            let named = expected.log_id;
            let named = named.or_else(|| followed.take().and_then(|followed| followed()));
            if let Some(log_id) = named {
                tracing::warn!(%reason, "starting without the log");
                return Ok(Self {
                    known: Arc::new(Known::new(relay.address, log_id)),
                    unanswered: Some((expected, reason)),
                });
            }
            waiting(&reason);
            tracing::warn!(%reason, "cannot start without the id of its log, retrying");
            relay.pause().await;
        }
    }
}

impl Known {
    fn new(address: String, log_id: LogId) -> Self {
        Self {
            address,
            log_id,
            lineage_id: OnceLock::new(),
            head: Mutex::default(),
            oldest_after_scn: OnceLock::new(),
        }
    }

    /// Records the relay's status.
    pub(super) fn receive_status(&self, status: RelayStatus) {
        self.receive_head(status.head);
        self.lineage_id.get_or_init(|| status.lineage_id);
        self.oldest_after_scn
            .get_or_init(|| status.oldest_after_scn);
    }

    /// Records that the log is durable up to a point.
    pub(super) fn receive_head(&self, head: LogPoint) {
        let mut known = self.head();
        if known.scn <= head.scn {
            *known = head;
        }
    }

    fn head(&self) -> MutexGuard<'_, LogPoint> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSource for RelayLog {
    fn log_id(&self) -> LogId {
        self.known.log_id
    }

    fn head(&self) -> Scn {
        self.head_point().scn
    }

    fn head_point(&self) -> LogPoint {
        *self.known.head()
    }

    fn oldest_after_scn(&self) -> Option<Scn> {
        self.known.oldest_after_scn.get().copied()
    }

    fn is_head_known(&self) -> bool {
        self.unanswered.is_none()
    }

    fn lineage_id(&self) -> Option<LineageId> {
        self.known.lineage_id.get().copied()
    }

    fn owner(&self) -> Option<&str> {
        Some(&self.known.address)
    }

    fn windows_after(
        &self,
        after: LogPoint,
        applied: Scn,
    ) -> Result<Box<dyn Windows>, LogSourceError> {
        let unanswered = self.unanswered.clone().map(|(expected, reason)| {
            self.known.receive_head(applied.into());
            let expected = ExpectedLog {
                log_id: Some(self.known.log_id),
                scn: applied,
                ..expected
            };
            (expected, reason)
        });
        let known = Arc::clone(&self.known);
        let windows = RelayWindows::new(known, unanswered, after, runtime()?);
        Ok(Box::new(windows))
    }

    fn owned(&self) -> Option<&Log> {
        None
    }
}

/// Creates a runtime for a relay's connection. The runtime of the process may end before the
/// follower does.
fn runtime() -> Result<Runtime, LogSourceError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(LogSourceError::Threads)
}
