//! The log that a server goes on from, as far as its snapshot says: what a relay has to have.

use crate::log_source::{relay::RelayStatus, relay_windows::RelayError};
use cloud_model::{LineageId, LogId, Scn};

/// What a snapshot says of the log that it goes on from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedLog {
    /// The graph that the log began with, of a snapshot that stands at the log's beginning.
    pub(crate) lineage_id: Option<LineageId>,
    /// Its name, where that is known.
    pub(crate) log_id: Option<LogId>,
    /// It was durable up to here.
    pub(crate) scn: Scn,
}

impl ExpectedLog {
    /// Whether the relay at this address has it, by its status.
    pub(crate) fn check(self, relay: &str, status: RelayStatus) -> Result<(), RelayError> {
        let RelayStatus {
            lineage_id,
            log_id,
            head,
        } = status;
        let relay = relay.to_owned();
        if let Some(expected) = self.lineage_id
            && expected != lineage_id
        {
            return Err(RelayError::OtherGraph {
                relay,
                found: lineage_id,
                expected,
            });
        }
        if let Some(expected) = self.log_id
            && expected != log_id
        {
            return Err(RelayError::OtherLog {
                relay,
                found: log_id,
                expected,
            });
        }
        if self.scn > head {
            let scn = self.scn;
            return Err(RelayError::Behind { relay, scn, head });
        }
        Ok(())
    }
}
