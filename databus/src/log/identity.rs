//! The name of a log: 128 random bits in the header of every segment.
//!
//! The header also holds the lineage of the graph that the log began with. A snapshot names the log
//! that it continues or, if it stands at the log's beginning, the graph that it holds. With these
//! two values a log of another site is rejected before any of its changes is read.

use cloud_model::LogId;
use rand::{TryRngCore as _, rngs::OsRng};
use std::io;

/// Returns a new name from the system's source of randomness.
///
/// # Errors
/// If the system has none.
pub fn random_log_id() -> io::Result<LogId> {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(LogId::from_be_bytes(bytes))
}
