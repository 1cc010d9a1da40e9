//! From a query's text to the members of a network who match it.
//!
//! Imports from `index`, and the published state at the top of the crate.

pub(crate) mod cursor;
pub(crate) mod network;
pub(crate) mod parse_tree;
pub(crate) mod parser;
pub(crate) mod plan;
pub(crate) mod search;
pub(crate) mod stop_check;
pub(crate) mod syntax_error;
pub(crate) mod top_hits;
