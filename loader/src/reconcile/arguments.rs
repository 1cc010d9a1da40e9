//! The command line of `loader reconcile`.

use std::path::PathBuf;

use clap::Args;
use cloud_capture::connect::{
    DEFAULT_PUBLICATION, DEFAULT_SLOT, DEFAULT_STATE, publication_name, slot_name,
};

use crate::{
    CoreDatabaseOptions, MemoryLimit, job::arguments::BadRow, reconcile::options::ReconcileOptions,
};

/// Bootstrap a running site again: publish what differs from its core database to its log. Capture
/// must not run meanwhile. Servers answer all the time.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// The core database: postgres://USER@HOST:PORT/DATABASE. The password comes from PGPASSWORD,
    /// or from ~/.pgpass or the file that PGPASSFILE names.
    #[arg(long, value_name = "URL")]
    from_postgres: String,
    /// The file of the mapping.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The admin listener of the server that owns the log, on this machine.
    #[arg(long, value_name = "http://HOST:PORT")]
    log: String,
    /// A folder with room for a snapshot of the site, which is deleted at the end.
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
    /// The slot, which is replaced if it exists.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SLOT, value_parser = slot_name)]
    slot: String,
    /// The publication of the mapped tables.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PUBLICATION,
          value_parser = publication_name)]
    publication: String,
    /// The folder for what capture compares with later, which capture has as --state; DATA/capture
    /// of a server with --core-database. A state in it is replaced.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    capture_state: PathBuf,
    /// A source in the log whose place the database has taken, such as the same database before an
    /// upgrade of PostgreSQL. What only that source stated is removed.
    #[arg(long = "replaces", value_name = "SOURCE")]
    replaced_sources: Vec<String>,
    /// How to handle a bad row. "skip" skips it and lists it in rejects.csv in the scratch folder.
    #[arg(long, value_enum, default_value_t = BadRow::Stop)]
    on_error: BadRow,
    /// The most memory that the build of the snapshot takes, such as 2GiB.
    #[arg(long, value_name = "SIZE")]
    memory: Option<MemoryLimit>,
}

impl From<Arguments> for ReconcileOptions {
    fn from(arguments: Arguments) -> Self {
        Self {
            core_database: CoreDatabaseOptions {
                address: arguments.from_postgres,
                mapping: arguments.mapping,
                slot: arguments.slot,
                replaces_slot: true,
                publication: arguments.publication,
                capture_state: arguments.capture_state,
                refused_rows_max: None,
            },
            log: arguments.log,
            scratch: arguments.scratch,
            replaced_sources: arguments.replaced_sources,
            on_error: arguments.on_error.into(),
            memory: arguments.memory.unwrap_or_default(),
            shows_progress: true,
        }
    }
}
