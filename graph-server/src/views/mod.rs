//! Views that are kept for later requests: the cache, and the sessions that pin views.
//!
//! Imports from `rpc` and the top of the crate.

pub(crate) mod sessions;
pub(crate) mod view_cache;
