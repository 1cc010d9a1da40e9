//! Calls to a relay, with pauses that grow between attempts, and the classification of its errors.

use super::LogSourceError;
use crate::limits::{RELAY_ANSWER_TIMEOUT, RELAY_RETRY_MAX, RELAY_RETRY_MIN};
use cloud_client::{
    Client, Error, Failure, Subscription,
    proto::databus::v1::{AsOf, GetStatusResponse},
};
use cloud_model::{History, InvalidHexId, LineageId, LogId, LogPoint, Scn};
use rand::Rng;
use std::time::Duration;

/// A relay's address, and the pause before the next attempt.
#[derive(Debug)]
pub(crate) struct RelayClient {
    pub(crate) address: String,
    pause: Duration,
}

/// Why a call to the relay failed.
#[derive(Debug)]
pub(crate) enum RelayError {
    /// A later attempt may succeed.
    Transient(String),
    /// Only another snapshot or another log helps.
    Permanent(LogSourceError),
}

/// The status of a relay's log, as the relay reports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelayStatus {
    /// The log's id.
    pub(crate) log_id: LogId,
    /// The lineage that the log began with.
    pub(crate) lineage_id: LineageId,
    /// The log's last durable point.
    pub(crate) head: LogPoint,
    /// The lowest SCN after which the log is held.
    pub(crate) oldest_after_scn: Scn,
}

impl TryFrom<GetStatusResponse> for RelayStatus {
    type Error = InvalidHexId;

    fn try_from(status: GetStatusResponse) -> Result<Self, InvalidHexId> {
        let head = status.head.unwrap_or_default();
        Ok(Self {
            log_id: head.log_id.parse()?,
            lineage_id: status.lineage_id.parse()?,
            head: point_of(&head),
            oldest_after_scn: Scn::new(status.oldest_after_scn),
        })
    }
}

/// Returns the point of an `as_of`, whose log is known.
pub(super) fn point_of(as_of: &AsOf) -> LogPoint {
    LogPoint {
        scn: Scn::new(as_of.scn),
        history: History::new(as_of.history),
    }
}

impl RelayClient {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            pause: RELAY_RETRY_MIN,
        }
    }

    /// Requests the status of the relay's log.
    pub(crate) async fn status(&self) -> Result<RelayStatus, RelayError> {
        let ask = async {
            let client = Client::connect(self.address.as_str()).await?;
            client.timeout(RELAY_ANSWER_TIMEOUT).log_status().await
        };
        let status = self.answer(ask, Scn::BEGINNING).await?;
        let relay = || self.address.clone();
        if !status.owner.is_empty() {
            return Err(RelayError::Permanent(LogSourceError::NotOwner {
                relay: relay(),
                owner: status.owner,
            }));
        }
        RelayStatus::try_from(status).map_err(|invalid| {
            RelayError::Permanent(LogSourceError::InvalidId {
                relay: relay(),
                invalid,
            })
        })
    }

    /// Subscribes to the relay's windows after a point.
    pub(crate) async fn subscribe(
        &self,
        after: LogPoint,
        log_id: LogId,
    ) -> Result<Subscription, RelayError> {
        let ask = async {
            let client = Client::connect(self.address.as_str()).await?;
            let as_of = AsOf {
                log_id: log_id.to_string(),
                scn: after.scn.get(),
                history: History::number(after.history),
            };
            client.subscribe_after(&as_of, &[]).await
        };
        self.answer(ask, after.scn).await
    }

    /// Classifies an error for a server that stands at an SCN.
    pub(crate) fn error(&self, error: &Error, scn: Scn) -> RelayError {
        let relay = self.address.clone();
        let figure =
            |failure: &Failure, name: &str| failure.metadata.get(name).cloned().unwrap_or_default();
        let number =
            |failure: &Failure, name: &str| Scn::new(figure(failure, name).parse().unwrap_or(0));
        match error
            .failure()
            .map(|failure| (failure, failure.reason.as_str()))
        {
            Some((failure, "DROPPED")) => RelayError::Permanent(LogSourceError::Dropped {
                relay,
                scn,
                oldest_after_scn: number(failure, "oldest_after_scn"),
            }),
            Some((failure, "BEYOND_HEAD")) => RelayError::Permanent(LogSourceError::Behind {
                relay,
                scn,
                head: number(failure, "head"),
            }),
            Some((failure, "OTHER_LOG")) if failure.metadata.contains_key("asked_history") => {
                RelayError::Permanent(LogSourceError::other_history(&relay, scn.into()))
            }
            Some((failure, "OTHER_LOG")) => {
                let ids = [figure(failure, "log_id"), figure(failure, "asked")];
                match ids.map(|id| id.parse()) {
                    [Ok(found), Ok(expected)] => RelayError::Permanent(LogSourceError::OtherLog {
                        relay,
                        found,
                        expected,
                    }),
                    _ => self.transient(&error.to_string()),
                }
            }
            Some((failure, "NOT_OWNER")) => RelayError::Permanent(LogSourceError::NotOwner {
                relay,
                owner: figure(failure, "owner"),
            }),
            Some((failure, "OTHER_LISTENER" | "UNKNOWN_METHOD")) => {
                RelayError::Permanent(LogSourceError::NoLog {
                    relay,
                    why: failure.message.clone(),
                })
            }
            _ => self.transient(&error.to_string()),
        }
    }

    /// Returns a transient error that says that the relay is not followed now.
    pub(crate) fn transient(&self, why: &str) -> RelayError {
        RelayError::Transient(format!(
            "the relay at {} is not followed: {why}",
            self.address
        ))
    }

    /// Waits before the next attempt: for a random time, so that servers do not retry in step. The
    /// time doubles with each attempt, up to [`RELAY_RETRY_MAX`].
    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    fn next_pause(&mut self) -> Duration {
        let half = self.pause / 2;
        self.pause = (2 * self.pause).min(RELAY_RETRY_MAX);
        half + half.mul_f64(rand::rng().random())
    }

    /// Records that the relay answers: the next pause is short again.
    pub(crate) fn mark_healthy(&mut self) {
        self.pause = RELAY_RETRY_MIN;
    }

    /// Awaits an answer for [`RELAY_ANSWER_TIMEOUT`] at most.
    async fn answer<T>(
        &self,
        ask: impl Future<Output = Result<T, Error>>,
        scn: Scn,
    ) -> Result<T, RelayError> {
        match tokio::time::timeout(RELAY_ANSWER_TIMEOUT, ask).await {
            Ok(answer) => answer.map_err(|error| self.error(&error, scn)),
            Err(_) => Err(self.transient("it does not answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_again() {
        let mut relay = RelayClient::new("http://nowhere:1".to_owned());
        let check = |relay: &mut RelayClient, longest_ms: u64| {
            let (pause, longest) = (relay.next_pause(), Duration::from_millis(longest_ms));
            assert!(
                pause >= longest / 2 && pause <= longest,
                "{pause:?} of {longest:?}"
            );
        };
        for longest_ms in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            check(&mut relay, longest_ms);
        }
        relay.mark_healthy();
        check(&mut relay, 100);
    }
}
