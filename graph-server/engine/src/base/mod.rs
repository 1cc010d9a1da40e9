//! The base: an immutable graph in compressed sparse rows, and the files that hold it.
//!
//! Imports from `files`, `memory`, `sets` and the top of the crate.

pub(crate) mod base_graph;
pub(crate) mod csr;
pub(crate) mod digest;
pub(crate) mod graph_arrays;
pub(crate) mod graph_file;
pub(crate) mod graph_file_writer;
pub(crate) mod graph_writer;
pub(crate) mod id_order;
pub(crate) mod member_lookup;
pub(crate) mod policy_file;
pub(crate) mod policy_file_writer;
pub(crate) mod policy_row;
pub(crate) mod resident_copy;
pub(crate) mod times_file;
