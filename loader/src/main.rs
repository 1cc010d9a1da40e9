//! The `loader` command: `generate` makes a synthetic dump, `build` makes a snapshot of a dump or
//! of a core database, `inspect` verifies a snapshot, `export` writes one as a dump, `adopt` lets
//! one begin a new log, and `reconcile` brings a running site up to its core database.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloud_files::keep_private;
use cloud_terminal::{note, parse};

/// Builds snapshots from database dumps, and makes synthetic dumps.
#[derive(Parser)]
#[command(name = "loader", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a snapshot from a dump of members, positions and connections, or a core database.
    Build(Box<loader::Arguments>),
    /// Make a synthetic site: members.csv, positions.csv and connections.csv.
    Generate(cloud_synthetic::Arguments),
    /// Print what a snapshot is and verify every byte of it.
    Inspect(loader::inspect::Arguments),
    /// Write a snapshot as dumps that build the same site.
    Export(loader::export::Arguments),
    /// Let a copied snapshot begin a new log, when its own log is lost.
    Adopt(loader::adopt::Arguments),
    /// Bootstrap a running site again: publish what differs from its core database to its log.
    Reconcile(loader::reconcile::Arguments),
}

fn main() -> ExitCode {
    keep_private();
    let outcome: Result<(), Box<dyn Error>> = match parse::<Arguments>().command {
        Command::Build(arguments) => loader::run(*arguments).map_err(Into::into),
        Command::Generate(arguments) => cloud_synthetic::run(&arguments).map_err(Into::into),
        Command::Inspect(arguments) => loader::inspect::run(&arguments).map_err(Into::into),
        Command::Export(arguments) => loader::export::run(&arguments).map_err(Into::into),
        Command::Adopt(arguments) => loader::adopt::run(&arguments).map_err(Into::into),
        Command::Reconcile(arguments) => loader::reconcile::run(arguments).map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {}", with_causes(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

/// Returns the error and its causes on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors include their cause in their own text.
        let reason = error.to_string();
        if !message.ends_with(&reason) {
            message.push_str(": ");
            message.push_str(&reason);
        }
        cause = error.source();
    }
    printable(&message)
}

/// Returns a message as one line that a terminal can show: control characters are escaped, and a
/// long message is cut.
fn printable(message: &str) -> String {
    const BYTES_MAX: usize = 1000;
    let mut line = String::new();
    for character in message.chars() {
        match character.is_control() {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
        if line.len() > BYTES_MAX {
            line.push('…');
            break;
        }
    }
    line
}
