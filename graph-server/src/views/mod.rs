//! Views that are kept for the next question: the cache, and the sessions that pin in it.
//!
//! Imports from `rpc` and the top of the crate.

pub(crate) mod sessions;
pub(crate) mod view_cache;
