//! The files of a snapshot and how they are read: blocks, sections, the manifest, and their errors.
//!
//! Imports from `memory`.

pub(crate) mod block_file;
pub(crate) mod block_reader;
pub(crate) mod content_error;
pub(crate) mod direct;
pub(crate) mod file_error;
pub(crate) mod file_identity;
pub(crate) mod histories_file;
pub(crate) mod manifest;
pub(crate) mod section_writer;
pub(crate) mod snapshot_names;
