//! The check of a mapping against the catalogue: everything that capture needs and the database
//! does not have, with the SQL that adds it.
//!
//! | request | file |
//! |---|---|
//! | all findings of a mapping | `check.rs` |
//! | a finding: how grave, where, and the SQL against it | `finding.rs` |
//! | the server: `wal_level`, privileges, free slots, limits of the WAL | `of_server.rs` |
//! | a table: that it exists, its columns, keys and rows | `of_table.rs` |
//! | the old rows that a table sends: its replica identity | `of_identity.rs` |
//! | the publication | `of_publication.rs` |
//! | running the SQL of publication and replica identities | `init.rs` |
//!
//! Imports from `catalogue`, `connect` and `mapping`.

mod all_findings;
mod finding;
mod init;
mod of_identity;
mod of_publication;
mod of_server;
mod of_table;

pub use all_findings::check;
pub use finding::{Finding, Severity};
pub use init::{InitError, init, init_statements};
