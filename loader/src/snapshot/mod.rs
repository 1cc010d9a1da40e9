//! Builds a snapshot: reads and sorts rows, and writes the files of the graph and of the profiles.
//!
//! Imports from `job` its options, errors and progress.

pub(crate) mod database;
pub(crate) mod graph;
pub(crate) mod memory;
pub(crate) mod people;
pub(crate) mod rejects;
pub(crate) mod rows;
pub(crate) mod sort;
pub(crate) mod staging;
