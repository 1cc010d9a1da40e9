//! A snapshot in the making: rows are read, sorted, and become the graph's files and the profiles'.
//!
//! Imports from `job` its options, errors and progress.

pub(crate) mod graph;
pub(crate) mod memory;
pub(crate) mod people;
pub(crate) mod rejects;
pub(crate) mod rows;
pub(crate) mod sort;
pub(crate) mod staging;
