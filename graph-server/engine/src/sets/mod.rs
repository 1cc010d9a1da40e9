//! Sets of nodes for views, and the smallest of many items for pages.
//!
//! Imports from `memory`, and from the top of the crate.

pub(crate) mod node_set;
pub(crate) mod scratch;
pub(crate) mod sieve;
pub(crate) mod smallest;
pub(crate) mod tally;
