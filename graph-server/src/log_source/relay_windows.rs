//! The windows of a relay's log after an SCN: assembled from their parts. After every break the
//! subscription is renewed.
//!
//! A window is returned once its last part has arrived. After a break in the middle of a window, it
//! is received again from its first part. Only the window that is being assembled is buffered:
//! while a window is applied, the relay waits.

use super::{
    LogSourceError, Next, OutOfReach, Windows,
    expected_log::ExpectedLog,
    relay::Known,
    relay_client::{RelayClient, RelayError, point_of},
};
use crate::limits::RELAY_SILENCE_MAX;
use cloud_client::{Event, Subscription, proto::databus::v1::WindowPart};
use cloud_model::{History, LogPoint, Scn};
use cloud_profile::Change;
use databus::{LoggedWindow, Window, limits::WINDOW_CHANGES_MAX};
use std::{sync::Arc, time::Instant};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The windows, for the thread that blocks on them.
pub(super) struct RelayWindows {
    receiver: Receiver,
    /// The connection's runtime, which runs during a call of `next` only. It is dropped after the
    /// connection.
    runtime: Runtime,
}

/// A position in a relay's log, and the subscription there.
struct Receiver {
    relay: RelayClient,
    known: Arc<Known>,
    /// The log that the relay's first answer is checked against; `None` once it was.
    expected: Option<ExpectedLog>,
    /// Why the relay did not answer when its log was opened, until it is reported.
    unanswered: Option<String>,
    is_out_of_reach: bool,
    /// The point of the last window that was returned.
    after: LogPoint,
    subscription: Option<Subscription>,
    /// The window whose last part has not arrived yet.
    begun: Option<Window<Change>>,
    /// The time of the last event.
    received_at: Instant,
    catching_up: CatchingUp,
}

/// Whether every window was returned that the log held at the first heartbeat. Later windows do not
/// count: while writes continue, there is always one more.
enum CatchingUp {
    HeadUnknown,
    To(Scn),
    Done,
}

impl RelayWindows {
    pub(super) fn new(
        known: Arc<Known>,
        unanswered: Option<(ExpectedLog, String)>,
        after: LogPoint,
        runtime: Runtime,
    ) -> Self {
        let (expected, unanswered) = unanswered.unzip();
        let receiver = Receiver {
            relay: RelayClient::new(known.address.clone()),
            known,
            expected,
            unanswered,
            is_out_of_reach: false,
            after,
            subscription: None,
            begun: None,
            received_at: Instant::now(),
            catching_up: CatchingUp::HeadUnknown,
        };
        Self { receiver, runtime }
    }
}

impl Receiver {
    /// Waits for the next event. After a break, the next call retries.
    async fn next(&mut self) -> Result<Next, LogSourceError> {
        if let Some(reason) = self.unanswered.take() {
            return Ok(self.out_of_reach(reason));
        }
        if self.is_out_of_reach && self.subscription.is_none() {
            self.relay.pause().await;
        }
        loop {
            if let CatchingUp::To(head) = self.catching_up
                && head <= self.after.scn
            {
                self.catching_up = CatchingUp::Done;
                return Ok(Next::CaughtUp);
            }
            match self.receive().await {
                Ok(Some(next)) => return Ok(next),
                Ok(None) => {}
                Err(RelayError::Permanent(error)) if error.is_other_relay() => {
                    return Ok(self.out_of_reach(error.to_string()));
                }
                Err(RelayError::Permanent(error)) => return Err(error),
                Err(RelayError::Transient(reason)) => return Ok(self.out_of_reach(reason)),
            }
        }
    }

    /// Receives one event, and returns what it means for the follower, if anything.
    async fn receive(&mut self) -> Result<Option<Next>, RelayError> {
        if let Some(expected) = &self.expected {
            let status = self.relay.status().await?;
            let checked = expected.check(&self.relay.address, status);
            checked.map_err(RelayError::Permanent)?;
            self.known.receive_status(status);
            self.expected = None;
        }
        let subscription = match &mut self.subscription {
            Some(subscription) => subscription,
            none => {
                let opened = self.relay.subscribe(self.after, self.known.log_id);
                none.insert(opened.await?)
            }
        };
        let event = match tokio::time::timeout(RELAY_SILENCE_MAX, subscription.next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return Err(self.relay.transient("it ended the subscription")),
            Ok(Err(error)) => return Err(self.relay.error(&error, self.after.scn)),
            Err(_) => return Err(self.relay.transient("it says nothing")),
        };
        self.received_at = Instant::now();
        match event {
            Event::Part(part) => self.take(part).map_err(RelayError::Permanent),
            Event::Heartbeat(heartbeat) => {
                let head = point_of(&heartbeat.head.unwrap_or_default());
                self.known.receive_head(head);
                let head = head.scn;
                if let CatchingUp::HeadUnknown = self.catching_up {
                    self.catching_up = CatchingUp::To(head);
                }
                let is_followed = head <= self.after.scn;
                Ok(if is_followed {
                    self.mark_healthy()
                } else {
                    None
                })
            }
        }
    }

    /// Adds a part to its window. Returns the window if this is its last part.
    fn take(&mut self, part: WindowPart) -> Result<Option<Next>, LogSourceError> {
        let WindowPart {
            scn,
            source_id,
            source_offset,
            commit_time,
            last,
            changes,
            history_before,
            history,
            ..
        } = part;
        let scn = Scn::new(scn);
        let relay = || self.relay.address.clone();
        let mut window = self.begun.take().unwrap_or_else(|| Window {
            source_id,
            source_offset,
            commit_time,
            changes: Vec::new(),
        });
        if window.changes.len() + changes.len() > WINDOW_CHANGES_MAX {
            return Err(LogSourceError::TooLarge {
                relay: relay(),
                scn,
                changes_max: WINDOW_CHANGES_MAX,
            });
        }
        for change in changes {
            let change = Change::from_log(change);
            let change = change.map_err(|invalid| LogSourceError::UnknownChange {
                relay: relay(),
                scn,
                invalid,
            })?;
            window.changes.extend(change);
        }
        if !last {
            self.begun = Some(window);
            return Ok(None);
        }
        let history = History::new(history);
        self.after = LogPoint { scn, history };
        self.known.receive_head(self.after);
        // The follower takes a window as a sign that the relay is in reach, so the result is not
        // needed.
        self.mark_healthy();
        Ok(Some(Next::Window(LoggedWindow {
            scn,
            before: History::new(history_before),
            history,
            window,
        })))
    }

    /// Records that the relay's events arrive and are valid. Returns `InReach` after a break.
    fn mark_healthy(&mut self) -> Option<Next> {
        self.relay.mark_healthy();
        std::mem::replace(&mut self.is_out_of_reach, false).then(|| {
            let (relay, after_scn) = (&self.known.address, self.after.scn.get());
            tracing::info!(relay, after_scn, "followed again");
            Next::InReach
        })
    }

    /// Drops the subscription and the unfinished window.
    fn out_of_reach(&mut self, reason: String) -> Next {
        self.subscription = None;
        self.begun = None;
        if !std::mem::replace(&mut self.is_out_of_reach, true) {
            tracing::warn!(%reason, after_scn = self.after.scn.get(), "retrying");
        }
        Next::OutOfReach(OutOfReach {
            reason: reason.into(),
            since: self.received_at,
        })
    }
}

impl Windows for RelayWindows {
    fn next(&mut self, stop: &CancellationToken) -> Result<Next, LogSourceError> {
        let next = stop.run_until_cancelled(self.receiver.next());
        let next = self.runtime.block_on(next);
        next.unwrap_or(Ok(Next::End))
    }
}
