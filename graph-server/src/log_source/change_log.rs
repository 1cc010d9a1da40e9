//! The log that the site follows: its own, or one that a relay owns.

use crate::ingest::progress::Progress;
use cloud_proto::databus::v1::{GetStatusResponse, SourceStatus};
use cloud_serving::Refusal;
use databus::{AppendError, rpc::LogServer};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// Which log, and what is known of it.
#[derive(Debug)]
pub(crate) enum ChangeLog {
    /// This process owns it, and serves it.
    Own(Arc<LogServer>),
    /// A relay does.
    Relay(Arc<RelayLog>),
}

/// A log that a relay owns, as far as was heard of it.
#[derive(Debug)]
pub(crate) struct RelayLog {
    /// The relay, as `http://HOST:PORT`.
    pub(crate) address: String,
    pub(crate) log_id: String,
    /// The graph that it began with; none before the relay has answered.
    lineage_id: OnceLock<String>,
    head: AtomicU64,
}

impl RelayLog {
    /// Nothing was heard of it yet.
    pub(crate) fn new(address: String, log_id: String) -> Self {
        Self {
            address,
            log_id,
            lineage_id: OnceLock::new(),
            head: AtomicU64::default(),
        }
    }

    /// The relay has told of its log for the first time.
    pub(crate) fn told(&self, status: GetStatusResponse) {
        self.heard_of(status.head.map_or(0, |head| head.scn));
        self.lineage_id.get_or_init(|| status.lineage_id);
    }

    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Relaxed)
    }

    /// So much is durable.
    pub(crate) fn heard_of(&self, scn: u64) {
        self.head.fetch_max(scn, Ordering::Relaxed);
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::NotOwner {
            owner: self.address.clone(),
        }
    }

    /// What of the log's status is known here.
    pub(crate) fn status(&self, progress: &Progress) -> GetStatusResponse {
        let sources = progress.source_marks().into_iter();
        let sources = sources.map(|mark| SourceStatus {
            source_id: mark.source_id,
            last_offset: mark.offset,
            scn: mark.scn.get(),
        });
        GetStatusResponse {
            head: Some(progress.as_of(self.head())),
            sources: sources.collect(),
            lineage_id: self.lineage_id.get().cloned().unwrap_or_default(),
            owner: self.address.clone(),
            ..Default::default()
        }
    }
}

impl ChangeLog {
    /// The last durable SCN that is known.
    pub(crate) fn head(&self) -> u64 {
        match self {
            Self::Own(server) => server.log().head(),
            Self::Relay(relay) => relay.head(),
        }
    }

    /// The log, when this process owns it.
    pub(crate) fn own(&self) -> Option<&Arc<LogServer>> {
        match self {
            Self::Own(server) => Some(server),
            Self::Relay(_) => None,
        }
    }

    /// Ends what this process owns.
    pub(crate) fn close(&self) -> Result<(), AppendError> {
        self.own().map_or(Ok(()), |server| server.log().close())
    }
}
