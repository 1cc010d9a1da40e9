//! `databus serve`: a relay, which owns a log and serves it; `databus dump`: what a log holds.

use clap::{Parser, Subcommand};
use cloud_serving::process::{EndSignals, die_on_panic, log_to_stderr};
use databus::{
    dump::{Dump, DumpError},
    relay::{RelayConfig, serve},
};
use std::{
    error::Error,
    io::{self, BufWriter, Write},
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
    /// Owns a log and serves it until SIGTERM or SIGINT: graph servers follow it with --databus http://ADDRESS.
    Serve(Box<RelayConfig>),
    /// Prints a log's windows, counts them, or checks every frame. Exits with 1 when something is wrong with the log.
    Dump(Dump),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(config) => {
            log_to_stderr(config.log_format, &config.log_level);
            die_on_panic();
            run(*config).inspect_err(|error| tracing::error!(%error, "ended"))
        }
        Command::Dump(dump) => print(&dump).inspect_err(|error| eprintln!("databus: {error}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn print(dump: &Dump) -> Result<(), Box<dyn Error>> {
    match dump.run(&mut BufWriter::new(io::stdout().lock())) {
        // Whoever reads, as `head` does, has read enough.
        Err(DumpError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn run(config: RelayConfig) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Before the start, so that a signal during it is not lost.
        let mut signals = EndSignals::new()?;
        let running = tokio::select! {
            running = serve(config) => running?,
            () = signals.told() => return Ok(()),
        };
        let (public, admin) = (running.public_addr(), running.admin_addr());
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "listening public={public} admin={admin}")?;
        stdout.flush()?;
        drop(stdout);
        signals.told().await;
        tracing::info!("shutting down");
        Ok(running.shutdown().await?)
    });
    // What still runs on blocking threads was cut off: it must not hold the process.
    runtime.shutdown_background();
    outcome
}
