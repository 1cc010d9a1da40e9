//! Sets of nodes, and the smallest of many: what views and pages are made of.
//!
//! Imports from `files`, and from the top of the crate.

pub(crate) mod node_set;
pub(crate) mod scratch;
pub(crate) mod sieve;
pub(crate) mod smallest;
pub(crate) mod tally;
