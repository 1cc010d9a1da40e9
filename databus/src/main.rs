//! The program `databus`: `serve` runs a relay, which owns a log and serves it, and `dump` prints a
//! log.

use clap::{Parser, Subcommand};
use cloud_serving::{
    log::log_to_stderr,
    process::{prepare, run},
};
use cloud_terminal::{Stdout, note, parse};
use databus::{
    dump::{Dump, DumpError},
    relay::{RelayConfig, Running, serve},
};
use std::{
    error::Error,
    io::{self, BufWriter},
    process::ExitCode,
};

/// The databus of The Cloud: the ordered, durable log of changes.
#[derive(Debug, Parser)]
#[command(name = "databus", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Owns a log and serves it until SIGTERM or SIGINT. Graph servers follow it with --databus
    /// http://ADDRESS.
    Serve(Box<RelayConfig>),
    /// Prints a log's windows, counts them, or checks every frame. Exits with 1 if the log has a
    /// fault or cannot be read.
    Dump(Dump),
}

fn main() -> ExitCode {
    let outcome = match parse::<Arguments>().command {
        Command::Serve(config) => {
            prepare(&[]);
            let log = log_to_stderr(config.log_format, &config.log_level);
            let level = config.log_level.clone();
            let addresses = |running: &Running| [running.public_addr(), running.admin_addr()];
            run(
                log,
                move || Ok(level.clone()),
                serve(*config),
                addresses,
                Running::shutdown,
            )
            .inspect_err(|error| tracing::error!(%error, "ended"))
        }
        Command::Dump(dump) => {
            print(&dump).inspect_err(|error| note(format_args!("databus: {error}")))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn print(dump: &Dump) -> Result<(), Box<dyn Error>> {
    match dump.run(&mut BufWriter::new(Stdout)) {
        // Not an error: a program such as `head` has read enough and closed the pipe.
        Err(DumpError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
