//! The process of a server: its log on stderr, its end by a signal, and the abort on a panic.

use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The format of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Readable text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks that a filter of the log can be parsed. The error says what is wrong with it.
pub fn check_log_level(level: &str) -> Result<(), String> {
    let parsed = EnvFilter::builder().parse(level);
    parsed
        .map(drop)
        .map_err(|error| format!("`{level}` is not a log filter: {error}"))
}

/// Writes the log of the process to stderr from now on, as far as the filter allows. A line that
/// cannot be written is dropped: the subscriber would report it with `eprintln!`, which panics.
pub fn log_to_stderr(format: LogFormat, level: &str) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Makes a panic on any thread abort the process.
///
/// Acknowledged changes are durable, and a restart takes seconds. A process that has lost a thread
/// is therefore not worth keeping.
pub fn die_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

/// Runs a server until SIGTERM or SIGINT: starts it, prints its public and admin addresses, and
/// shuts it down.
///
/// # Errors
/// If the server does not start, or its shutdown fails.
pub fn run<Running, StartError, ShutdownError>(
    start: impl Future<Output = Result<Running, StartError>>,
    addresses: impl FnOnce(&Running) -> [SocketAddr; 2],
    shutdown: impl AsyncFnOnce(Running) -> Result<(), ShutdownError>,
) -> Result<(), Box<dyn Error>>
where
    StartError: Error + 'static,
    ShutdownError: Error + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // The handlers are installed before the start, so that a signal during the start is not
        // lost.
        let mut signals = EndSignals::new()?;
        let running = tokio::select! {
            running = start => running?,
            () = signals.received() => return Ok(()),
        };
        let [public, admin] = addresses(&running);
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "listening public={public} admin={admin}")?;
        stdout.flush()?;
        drop(stdout);
        signals.received().await;
        tracing::info!("shutting down");
        Ok(shutdown(running).await?)
    });
    // Work that still runs on blocking threads was cut off. It must not keep the process alive.
    runtime.shutdown_background();
    outcome
}

/// The signals SIGTERM and SIGINT, received from the time at which this is created.
#[derive(Debug)]
struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Installs handlers for both signals, so that they no longer end the process. Must be called
    /// within a runtime.
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of the signals.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
