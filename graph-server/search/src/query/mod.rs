//! From a query's text to the matching members of a network.
//!
//! Imports from `index`, and from `published` at the top of the crate.

pub(crate) mod cursor;
pub(crate) mod network;
pub(crate) mod parse_tree;
pub(crate) mod parser;
pub(crate) mod plan;
pub(crate) mod search;
pub(crate) mod stop_check;
pub(crate) mod syntax_error;
pub(crate) mod top_hits;
