//! What an operator sees of the server: metrics, health, the line of a slow request.
//!
//! Imports from `ingest` and the top of the crate.

pub(crate) mod facts;
pub(crate) mod health;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod resident;
