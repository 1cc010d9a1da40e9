//! The options of a reconciliation.

use std::path::PathBuf;

use crate::{CoreDatabaseOptions, MemoryLimit, OnError};

/// A running site and its core database.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// The core database. Its slot is replaced.
    pub core_database: CoreDatabaseOptions,
    /// The admin listener of the server that owns the log, such as `http://127.0.0.1:50052`.
    pub log: String,
    /// The folder for a snapshot of the database, which is deleted at the end.
    pub scratch: PathBuf,
    /// The sources in the log whose place the database has taken.
    pub replaced_sources: Vec<String>,
    /// How to handle a bad row.
    pub on_error: OnError,
    /// The most memory that the build of the snapshot takes.
    pub memory: MemoryLimit,
    /// Whether progress is shown on stderr.
    pub shows_progress: bool,
}
