//! The suggestion of a first mapping, from the names, keys and rows of a core database.
//!
//! | request | file |
//! |---|---|
//! | the text of a first mapping | `first_mapping.rs` |
//! | names that applications give to tables and columns | `words.rs` |
//! | the table of the members, and tables that refer to it | `members.rs` |
//! | fields that fit the columns of a table | `fields.rs` |
//! | the values of a status | `status.rs` |
//! | the tables of connections, by their keys and rows | `connections.rs` |
//!
//! Imports from `catalogue`, `connect` and `mapping`.

mod connections;
mod fields;
mod first_mapping;
mod members;
mod status;
mod words;

pub use first_mapping::{SuggestError, suggest};
