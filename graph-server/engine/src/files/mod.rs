//! The files of a snapshot and how they are read: blocks, sections, memory maps, the manifest, and
//! their errors.
//!
//! Imports from no other folder of the crate.

pub(crate) mod block_file;
pub(crate) mod block_reader;
pub(crate) mod content_error;
pub(crate) mod direct;
pub(crate) mod file_error;
pub(crate) mod file_identity;
pub(crate) mod histories_file;
pub(crate) mod lazy_array;
pub(crate) mod manifest;
pub(crate) mod memory_map;
pub(crate) mod read_ahead;
pub(crate) mod section_writer;
