//! The log that the site follows: its own, or one that a relay owns.

use crate::{ingest::progress::Progress, log_source::relay::RelayStatus};
use cloud_model::{LineageId, LogId, Scn};
use cloud_proto::databus::v1::{GetStatusResponse, SourceStatus};
use cloud_serving::Refusal;
use databus::{
    AppendError,
    rpc::{LogServer, not_owner},
};
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
    pub(crate) log_id: LogId,
    /// The graph that it began with; none before the relay has answered.
    lineage_id: OnceLock<LineageId>,
    head: AtomicU64,
}

impl RelayLog {
    /// Nothing was heard of it yet.
    pub(crate) fn new(address: String, log_id: LogId) -> Self {
        Self {
            address,
            log_id,
            lineage_id: OnceLock::new(),
            head: AtomicU64::default(),
        }
    }

    /// The relay has told of its log for the first time.
    pub(crate) fn told(&self, status: RelayStatus) {
        self.heard_of(status.head);
        self.lineage_id.get_or_init(|| status.lineage_id);
    }

    pub(crate) fn head(&self) -> Scn {
        Scn::new(self.head.load(Ordering::Relaxed))
    }

    /// So much is durable.
    pub(crate) fn heard_of(&self, scn: Scn) {
        self.head.fetch_max(scn.get(), Ordering::Relaxed);
    }

    pub(crate) fn refusal(&self) -> Refusal {
        not_owner(&self.address)
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
            lineage_id: self
                .lineage_id
                .get()
                .map(ToString::to_string)
                .unwrap_or_default(),
            owner: self.address.clone(),
            ..Default::default()
        }
    }
}

impl ChangeLog {
    /// The last durable SCN that is known.
    pub(crate) fn head(&self) -> Scn {
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
