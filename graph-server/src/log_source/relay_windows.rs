//! The windows of a relay's log, from an SCN on: put together from their parts, and asked for again after every break.
//!
//! A window is answered once its last part is there; a break in the middle of one begins it again. Nothing is buffered but the
//! window that is being put together: while it is applied, the relay waits.

use crate::{
    ingest::{
        IngestError,
        progress::{Progress, Unheard},
    },
    limits::RELAY_SILENCE_MAX,
    log_source::{
        change_log::RelayLog,
        expected_log::ExpectedLog,
        relay::{Relay, Trouble},
        windows::Next,
    },
};
use cloud_client::{Event, Subscription, proto::databus::v1::WindowPart};
use cloud_model::{InvalidHexId, LineageId, LogId, Scn};
use cloud_profile::{Change, InvalidValue};
use databus::{LoggedWindow, Window, limits::WINDOW_CHANGES_MAX};
use std::{sync::Arc, time::Instant};

/// The relay's log does not go on from where this server stands. What it answers stays right, and grows old.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Retention has dropped what comes next.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, and the relay at {relay} keeps its log after SCN {oldest_after_scn} only"
    )]
    Dropped {
        /// Its address.
        relay: String,
        /// Where this server stands.
        scn: Scn,
        /// The lowest SCN that the log can be read after.
        oldest_after_scn: Scn,
    },
    /// The log is another one.
    #[error(
        "bootstrap again, or follow another relay: the one at {relay} has log {found}, and this server follows log {expected}"
    )]
    OtherLog {
        /// Its address.
        relay: String,
        /// Its log.
        found: LogId,
        /// The log that the snapshot goes on from.
        expected: LogId,
    },
    /// The log is another site's.
    #[error(
        "bootstrap again, or follow another relay: the log of the one at {relay} began with graph {found}, and the snapshot is of graph {expected}"
    )]
    OtherGraph {
        /// Its address.
        relay: String,
        /// The lineage that its log began with.
        found: LineageId,
        /// The snapshot's.
        expected: LineageId,
    },
    /// The log has lost what this server has applied.
    #[error(
        "bootstrap again: this server stands at SCN {scn}, and the log of the relay at {relay} ends at SCN {head}: it has lost changes"
    )]
    Behind {
        /// Its address.
        relay: String,
        /// Where this server stands.
        scn: Scn,
        /// Where the log ends.
        head: Scn,
    },
    /// The relay's status names its log or its graph by something that is no id.
    #[error("the status of the relay at {relay}: {invalid}")]
    InvalidId {
        /// Its address.
        relay: String,
        /// What it sent.
        invalid: InvalidHexId,
    },
    /// There is no relay, but a server that follows one.
    #[error("{relay} does not own its log: follow {owner}")]
    NotOwner {
        /// The address that was given.
        relay: String,
        /// Which one it should be.
        owner: String,
    },
    /// A later version wrote the log.
    #[error(
        "window {scn} of the relay at {relay}: {invalid}; a later version wrote it: use that one"
    )]
    UnknownChange {
        /// Its address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The field that is not understood.
        invalid: InvalidValue,
    },
    /// A window is too large to be applied at once.
    #[error(
        "bootstrap again: window {scn} of the relay at {relay} has more than {changes_max} changes"
    )]
    TooLarge {
        /// Its address.
        relay: String,
        /// The window.
        scn: Scn,
        /// The limit.
        changes_max: usize,
    },
}

/// A place in a relay's log.
pub(crate) struct RelayWindows {
    relay: Relay,
    log: Arc<RelayLog>,
    /// What is to be checked of the relay's log when it answers for the first time; none: it has.
    expected: Option<ExpectedLog>,
    progress: Arc<Progress>,
    /// Of the last window that was answered.
    after_scn: Scn,
    subscription: Option<Subscription>,
    /// The window whose last part is not there yet.
    begun: Option<Window<Change>>,
    heard_at: Instant,
    catching_up: CatchingUp,
}

/// Whether everything was answered that the log held when it was first heard: under a writer that never pauses there is always more.
enum CatchingUp {
    Unheard,
    To(Scn),
    Done,
}

impl RelayWindows {
    pub(crate) fn new(
        log: Arc<RelayLog>,
        expected: Option<ExpectedLog>,
        progress: Arc<Progress>,
        after_scn: Scn,
    ) -> Self {
        Self {
            relay: Relay::new(log.address.clone()),
            log,
            expected,
            progress,
            after_scn,
            subscription: None,
            begun: None,
            heard_at: Instant::now(),
            catching_up: CatchingUp::Unheard,
        }
    }

    /// Waits for what comes next; a break is answered too, and the next call tries again.
    pub(crate) async fn next(&mut self) -> Result<Next, IngestError> {
        loop {
            if let CatchingUp::To(head) = self.catching_up
                && head <= self.after_scn
            {
                self.catching_up = CatchingUp::Done;
                return Ok(Next::CaughtUp);
            }
            match self.hear().await {
                Ok(Some(next)) => return Ok(next),
                Ok(None) => {}
                Err(Trouble::ForGood(error)) => return Err(error.into()),
                Err(Trouble::ForNow(reason)) => {
                    self.subscription = None;
                    self.begun = None;
                    if self.progress.reached().unheard.is_none() {
                        tracing::warn!(%reason, after_scn = self.after_scn.get(), "trying again and again");
                    }
                    self.progress.log_unheard(Some(Unheard {
                        reason: reason.into(),
                        since: self.heard_at,
                    }));
                    self.relay.pause().await;
                    return Ok(Next::OutOfReach);
                }
            }
        }
    }

    /// Hears one event.
    async fn hear(&mut self) -> Result<Option<Next>, Trouble> {
        if let Some(expected) = &self.expected {
            let status = self.relay.status().await?;
            let checked = expected.check(&self.relay.address, status);
            checked.map_err(Trouble::ForGood)?;
            self.log.told(status);
            self.expected = None;
        }
        let subscription = match &mut self.subscription {
            Some(subscription) => subscription,
            none => {
                let opened = self.relay.subscribe(self.after_scn, self.log.log_id);
                none.insert(opened.await?)
            }
        };
        let event = match tokio::time::timeout(RELAY_SILENCE_MAX, subscription.next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return Err(self.relay.for_now("it ended the subscription")),
            Ok(Err(error)) => return Err(self.relay.trouble(&error, self.after_scn)),
            Err(_) => return Err(self.relay.for_now("it says nothing")),
        };
        self.heard_at = Instant::now();
        match event {
            Event::Part(part) => self.take(part).map_err(Trouble::ForGood),
            Event::Heartbeat(heartbeat) => {
                let head = Scn::new(heartbeat.head.map_or(0, |head| head.scn));
                self.log.heard_of(head);
                if let CatchingUp::Unheard = self.catching_up {
                    self.catching_up = CatchingUp::To(head);
                }
                if head <= self.after_scn {
                    self.is_well();
                }
                Ok(None)
            }
        }
    }

    /// The window, when this is its last part.
    fn take(&mut self, part: WindowPart) -> Result<Option<Next>, RelayError> {
        let WindowPart {
            scn,
            source_id,
            source_offset,
            commit_time,
            last,
            changes,
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
            return Err(RelayError::TooLarge {
                relay: relay(),
                scn,
                changes_max: WINDOW_CHANGES_MAX,
            });
        }
        for change in changes {
            let change = Change::try_from(change);
            window
                .changes
                .push(change.map_err(|invalid| RelayError::UnknownChange {
                    relay: relay(),
                    scn,
                    invalid,
                })?);
        }
        if !last {
            self.begun = Some(window);
            return Ok(None);
        }
        self.log.heard_of(scn);
        self.after_scn = scn;
        self.is_well();
        Ok(Some(Next::Window(LoggedWindow { scn, window })))
    }

    /// The relay is followed, and what it sends fits.
    fn is_well(&mut self) {
        self.relay.is_well();
        if self.progress.log_unheard(None) {
            tracing::info!(
                relay = self.log.address,
                after_scn = self.after_scn.get(),
                "followed again"
            );
        }
    }
}
