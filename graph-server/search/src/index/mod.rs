//! The member index: one segment for the snapshot, small ones for later changes, and the tokenizer
//! of both.
//!
//! Imports from `profiles` and `query`.

pub(crate) mod base_index;
pub(crate) mod base_index_writer;
pub(crate) mod document;
pub(crate) mod field;
pub(crate) mod index_error;
pub(crate) mod live_index;
pub(crate) mod read_only_directory;
pub(crate) mod tokens;
pub(crate) mod unsynced_directory;
