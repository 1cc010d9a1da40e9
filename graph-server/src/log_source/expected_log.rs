//! Checks that a relay has the log that continues this server's snapshot.

use super::{
    error::{LogSourceError, at_source_offsets},
    relay_client::RelayStatus,
};
use cloud_engine::{Manifest, StandsAt};
use cloud_model::{LineageId, LogId, Scn};

/// The log that continues a snapshot, as far as the snapshot's manifest describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedLog {
    /// The lineage that the log began with, if the snapshot stands at the log's beginning.
    pub(crate) lineage_id: Option<LineageId>,
    /// The log's id, if it is known.
    pub(crate) log_id: Option<LogId>,
    /// The SCN up to which the log was durable.
    pub(crate) scn: Scn,
}

impl ExpectedLog {
    /// Returns the log that the manifest requires.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self, LogSourceError> {
        match &manifest.stands_at {
            StandsAt::Beginning {} => Ok(Self {
                lineage_id: Some(manifest.lineage_id),
                log_id: None,
                scn: Scn::BEGINNING,
            }),
            StandsAt::AtScn { log_id, scn, .. } | StandsAt::NewLog { log_id, scn, .. } => {
                Ok(Self {
                    lineage_id: None,
                    log_id: Some(*log_id),
                    scn: *scn,
                })
            }
            StandsAt::AtSourceOffsets { offsets } => Err(at_source_offsets(offsets)),
        }
    }

    /// Checks a relay's status against the expected log. The address is for the error.
    pub(crate) fn check(self, relay: &str, status: RelayStatus) -> Result<(), LogSourceError> {
        let RelayStatus {
            lineage_id,
            log_id,
            head,
            ..
        } = status;
        let relay = relay.to_owned();
        if let Some(expected) = self.lineage_id
            && expected != lineage_id
        {
            return Err(LogSourceError::OtherGraph {
                relay,
                found: lineage_id,
                expected,
            });
        }
        if let Some(expected) = self.log_id
            && expected != log_id
        {
            return Err(LogSourceError::OtherLog {
                relay,
                found: log_id,
                expected,
            });
        }
        let head = head.scn;
        if self.scn > head {
            let scn = self.scn;
            return Err(LogSourceError::Behind { relay, scn, head });
        }
        Ok(())
    }
}
