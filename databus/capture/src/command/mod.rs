//! The command `databus capture`.
//!
//! Imports from every other folder.

mod run;

use std::{error::Error, path::PathBuf};

use cloud_serving::{
    log::log_to_stderr,
    process::{prepare, run_until_ended},
};

use crate::{connect::Database, mapping::Mapping};
use run::stream;

pub use run::StreamArguments;

/// Sends the changes of a core database to a log.
#[derive(Clone, Debug, clap::Args)]
pub struct CaptureArguments {
    #[command(subcommand)]
    source: Source,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Source {
    /// Captures a PostgreSQL database (14 or newer) by logical replication.
    Postgres(Box<PostgresArguments>),
}

/// The options of `databus capture postgres`.
#[derive(Clone, Debug, clap::Args)]
pub struct PostgresArguments {
    /// The core database. The password comes from PGPASSWORD, or from the file that PGPASSFILE
    /// names, by default ~/.pgpass. Connections are encrypted and checked (sslmode=verify-full),
    /// unless the database is on this machine.
    #[arg(long, value_name = "postgres://USER@HOST:PORT/DATABASE")]
    url: String,
    /// The mapping of tables and columns to members, profiles, positions and connections.
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    #[command(flatten)]
    stream: StreamArguments,
}

/// Runs the command.
///
/// # Errors
/// If the arguments cannot be used, and as [`crate::Capture::run`].
pub fn run(arguments: CaptureArguments) -> Result<(), Box<dyn Error>> {
    let Source::Postgres(arguments) = arguments.source;
    prepare(&[]);
    let StreamArguments {
        log_format,
        log_level,
        ..
    } = arguments.stream.clone();
    let log = log_to_stderr(log_format, &log_level);
    let database = Database::at(&arguments.url)?;
    let mapping = Mapping::read(&arguments.mapping)?;
    run_until_ended(
        log,
        move || Ok(log_level.clone()),
        async |stop| stream(database, mapping, &arguments.stream, stop).await,
    )
}
