//! The binary `graph-server`: `serve` serves a site's graph from memory until SIGTERM or SIGINT;
//! `config` prints the configuration that `serve` would use.

use clap::{ArgMatches, Command};
use cloud_search::LIBRARY_THREADS;
use cloud_serving::{
    log::log_to_stderr,
    process::{prepare, run},
};
use cloud_terminal::{matches_of, note, print};
use graph_server::{Config, Running, serve};
use std::{error::Error, process::ExitCode};

/// jemalloc: it returns memory to the system and does not fragment over months, as the system's own
/// allocator does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let matches = matches_of(command());
    let outcome = match matches.subcommand() {
        Some(("config", arguments)) => print_config(arguments),
        Some(("serve", arguments)) => Config::from_arguments(arguments)
            .map_err(Into::into)
            .map(|config| serve_until_stopped(config, arguments.clone())),
        _ => Err("no such command".into()),
    };
    outcome.unwrap_or_else(|error| {
        note(format_args!("graph-server: {error}"));
        ExitCode::from(USAGE)
    })
}

/// The exit code for a wrong command line or configuration, the same as clap's.
const USAGE: u8 = 2;

fn command() -> Command {
    // The flags set a long description of the command, which does not describe these commands.
    let serve = Config::arguments(Command::new("serve"))
        .long_about(None)
        .override_usage(usage("serve"))
        .about("Serves a site until SIGTERM or SIGINT");
    let config = Config::arguments(Command::new("config"))
        .long_about(None)
        .override_usage(usage("config"))
        .about("Prints the configuration of `serve` with the same file and flags, or its error");
    Command::new("graph-server")
        .about("The graph server of The Cloud")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .subcommand(serve)
        .subcommand(config)
}

/// Returns the usage with what is required, which may stand in the file.
fn usage(command: &str) -> String {
    format!(
        "graph-server {command} --snapshot <DIR> --databus <LOG> [OPTIONS]\n       \
         graph-server {command} --config <FILE> [OPTIONS]"
    )
}

fn print_config(arguments: &ArgMatches) -> Result<ExitCode, Box<dyn Error>> {
    let config = Config::from_arguments(arguments)?;
    if let Err(error) = print(config.to_toml()?) {
        note(format_args!("graph-server: {error}"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn serve_until_stopped(config: Config, arguments: ArgMatches) -> ExitCode {
    prepare(&LIBRARY_THREADS);
    let log = log_to_stderr(config.log_format, &config.log_level);
    // The file may have changed since the start; a flag still overrides it.
    let level = move || {
        let config = Config::from_arguments(&arguments).map_err(|error| error.to_string())?;
        Ok(config.log_level)
    };
    let addresses = |running: &Running| [running.public_addr(), running.admin_addr()];
    match run(log, level, serve(config), addresses, Running::shutdown) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}
