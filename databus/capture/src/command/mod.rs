//! `databus capture postgres`: suggests a mapping, checks it, prepares the database, and streams.
//!
//! Imports from `catalogue`, `check`, `connect`, `mapping`, `stream` and `suggest`.

mod capture;
mod run;

use std::error::Error;

use cloud_serving::{
    log::log_to_stderr,
    process::{prepare, run_until_ended},
};

use crate::{connect::Database, mapping::Mapping};

pub use capture::{CaptureArguments, CommandError, Mode, PostgresArguments, Source};
pub use run::StreamArguments;

/// Runs the command.
///
/// # Errors
/// If the arguments cannot be used, the database or the mapping is refused, or as
/// [`crate::Capture::run`].
pub fn run(arguments: CaptureArguments) -> Result<(), Box<dyn Error>> {
    let Source::Postgres(arguments) = arguments.source;
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    match arguments.mode() {
        Mode::Suggest => runtime()?.block_on(arguments.suggest())?,
        Mode::Check => runtime()?.block_on(arguments.check())?,
        Mode::Init => runtime()?.block_on(arguments.init())?,
        Mode::Run => stream(&arguments)?,
    }
    Ok(())
}

fn stream(arguments: &PostgresArguments) -> Result<(), Box<dyn Error>> {
    prepare(&[]);
    let StreamArguments {
        log_format,
        log_level,
        ..
    } = arguments.stream.clone();
    let database = Database::at(&arguments.url)?;
    let mapping = Mapping::read(arguments.mapping()?)?;
    let publication = arguments.publication.clone();
    let log = log_to_stderr(log_format, &log_level);
    run_until_ended(
        log,
        move || Ok(log_level.clone()),
        async |stop| run::stream(database, mapping, publication, &arguments.stream, stop).await,
    )
}
