//! The program `databus`: `serve` runs a relay, which owns a log and serves it, `dump` prints a
//! log, and `backup` copies one.

use clap::{Parser, Subcommand};
use cloud_capture::command::CaptureArguments;
use cloud_files::keep_private;
use cloud_serving::{
    log::log_to_stderr,
    process::{prepare, run},
};
use cloud_terminal::{Stdout, note, parse, print};
use databus::{
    Copied,
    backup::Backup,
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
    /// Copies a log up to its durable end, while another process may write to it. To restore it,
    /// serve the copy, or a copy of it.
    Backup(Backup),
    /// Sends the changes of a core database to a log, until SIGTERM or SIGINT.
    Capture(CaptureArguments),
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
        Command::Capture(arguments) => cloud_capture::command::run(arguments)
            .inspect_err(|error| note(format_args!("databus: {error}"))),
        Command::Dump(dump) => {
            print_dump(&dump).inspect_err(|error| note(format_args!("databus: {error}")))
        }
        Command::Backup(backup) => {
            back_up(&backup).inspect_err(|error| note(format_args!("databus: {error}")))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn back_up(backup: &Backup) -> Result<(), Box<dyn Error>> {
    keep_private();
    let Copied { log_id, head, .. } = backup.run()?;
    let target = backup.target.display();
    print(format_args!(
        "{target}: log {log_id} up to SCN {}\n",
        head.scn
    ))?;
    Ok(())
}

fn print_dump(dump: &Dump) -> Result<(), Box<dyn Error>> {
    match dump.run(&mut BufWriter::new(Stdout)) {
        // Not an error: a program such as `head` has read enough and closed the pipe.
        Err(DumpError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
