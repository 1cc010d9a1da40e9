//! Builds the graph's files from connections: the members' ids, the rows of the graph, and the
//! order of the nodes.
//!
//! Imports from `database`, `rows`, `sort` and `job`.

pub(crate) mod community_order;
pub(crate) mod components;
pub(crate) mod connections;
pub(crate) mod graph_files;
pub(crate) mod graph_rows;
pub(crate) mod member_table;
pub(crate) mod node_order;
pub(crate) mod renumber;
pub(crate) mod renumbered_graph;
