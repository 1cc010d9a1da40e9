//! `graph-server serve`: holds a site's graph in memory and answers until it is told to stop.

use clap::Parser;
use graph_server::{Config, serve};
use std::{
    error::Error,
    io::{IsTerminal, Write},
    process::ExitCode,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Returns memory to the system and does not fragment over months, as the system's own does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The graph server of The Cloud.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Serves a site until SIGTERM or SIGINT.
    Serve(Box<Config>),
}

fn main() -> ExitCode {
    let Command::Serve(config) = Command::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours);
    log.with_writer(std::io::stderr).init();
    die_on_panic();
    match run(*config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "ended");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Before the start, so that a signal during it is not lost.
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let running = tokio::select! {
            running = serve(config) => running?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        let (public, admin) = (running.public_addr(), running.admin_addr());
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "listening public={public} admin={admin}")?;
        stdout.flush()?;
        drop(stdout);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        Ok(running.shutdown().await?)
    });
    // What still runs on blocking threads was cut off: it must not hold the process.
    runtime.shutdown_background();
    outcome
}

/// A panic anywhere ends the process: what is acknowledged is durable, and a new start takes seconds, so nothing is
/// worth answering from a process that has lost a thread.
fn die_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}
