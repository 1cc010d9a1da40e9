//! Sorts rows and connections in any number: data that does not fit the memory goes to scratch
//! files.
//!
//! Imports from `rows` and `job`.

pub(crate) mod distinct_ids;
pub(crate) mod half_edge;
pub(crate) mod partitions;
pub(crate) mod raw_edges;
pub(crate) mod scratch_file;
pub(crate) mod sorted_rows;
