//! The server's state for its operator: metrics, health, and the log line of a slow request.
//!
//! Imports from `compaction`, `ingest` and the top of the crate.

pub(crate) mod facts;
pub(crate) mod health;
pub(crate) mod memory;
pub(crate) mod metrics;
