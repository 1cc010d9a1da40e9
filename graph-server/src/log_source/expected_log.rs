//! The log that a server goes on from, as far as its snapshot says: what a relay has to have.

use crate::log_source::relay_windows::RelayError;
use cloud_client::proto::databus::v1::GetStatusResponse;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedLog {
    /// The graph that the log began with, of a snapshot that stands at the log's beginning.
    pub(crate) lineage_id: Option<String>,
    /// Its name, where that is known.
    pub(crate) log_id: Option<String>,
    /// It was durable up to here.
    pub(crate) scn: u64,
}

impl ExpectedLog {
    /// Whether the relay at this address has it, by its status.
    pub(crate) fn check(&self, relay: &str, status: &GetStatusResponse) -> Result<(), RelayError> {
        let (log_id, head) = match &status.head {
            Some(head) => (head.log_id.as_str(), head.scn),
            None => ("", 0),
        };
        let other = |found: &str, expected: &Option<String>| {
            let expected = expected.clone().filter(|expected| expected != found)?;
            Some((found.to_owned(), expected))
        };
        let relay = relay.to_owned();
        if let Some((found, expected)) = other(&status.lineage_id, &self.lineage_id) {
            return Err(RelayError::OtherGraph {
                relay,
                found,
                expected,
            });
        }
        if let Some((found, expected)) = other(log_id, &self.log_id) {
            return Err(RelayError::OtherLog {
                relay,
                found,
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
