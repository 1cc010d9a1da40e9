//! The catalogue of the core database: its server, tables and publication, as capture needs them.
//!
//! | request | file |
//! |---|---|
//! | read everything at once | `catalogue.rs` |
//! | the server: its settings, its free slots, the privileges of the user | `server.rs` |
//! | a table: its columns, indexes, foreign keys and leaves | `table.rs`, `read_tables.rs` |
//! | the publication: what it sends | `publication.rs` |
//! | mapped objects that several rows are about | `duplicates.rs` |
//! | pairs with one row where there should be two | `one_sided.rs` |
//!
//! Imports from `connect` and `mapping`.

mod contents;
mod duplicates;
mod one_sided;
mod publication;
mod read_tables;
mod server;
mod table;

pub use contents::Catalogue;
pub use duplicates::Duplicates;
pub use one_sided::OneSided;
pub use publication::{Publication, PublishedTable};
pub use server::{Server, Slot};
pub use table::{Column, ForeignKey, Identity, Index, Table, TableType};
