//! A log's name: 128 random bits that stand at the head of every segment, beside the lineage of the graph that the log
//! began with.
//!
//! A snapshot says which log it goes on from, or (standing at the beginning) which graph it holds; with these two a log
//! of another site is refused before a change of it is read.

use cloud_model::LogId;
use rand::{TryRngCore as _, rngs::OsRng};
use std::io;

/// A name from the system's source of randomness.
pub(crate) fn random_log_id() -> io::Result<LogId> {
    let mut bytes = [0; 16];
    OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    Ok(LogId::from_be_bytes(bytes))
}
