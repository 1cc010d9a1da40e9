//! The questions about a graph at one SCN, a file each, and the budget of edges that each must
//! keep.
//!
//! Imports from `files`, `sets`, and the top of the crate.

pub(crate) mod budget;
pub(crate) mod connections;
pub(crate) mod degrees;
pub(crate) mod gather;
pub(crate) mod id_page;
pub(crate) mod member_list;
pub(crate) mod members_page;
pub(crate) mod network;
pub(crate) mod path;
pub(crate) mod paths;
pub(crate) mod rows_ahead;
pub(crate) mod shared;
pub(crate) mod sizes;
pub(crate) mod subgraph;
pub(crate) mod suggest;
pub(crate) mod third;
pub(crate) mod view;
pub(crate) mod view_at;
