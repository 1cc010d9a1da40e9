//! What every server's process does around its work: its log on stderr, an end by signal, and none of its threads lost.

use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How the log's lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// Whether a filter of the log can be read; an error says what is wrong with it.
pub fn check_log_level(level: &str) -> Result<(), String> {
    let parsed = EnvFilter::builder().parse(level);
    parsed
        .map(drop)
        .map_err(|error| format!("`{level}` is no filter: {error}"))
}

/// The process's log goes to stderr from here on, as far as the filter lets it.
pub fn log_to_stderr(format: LogFormat, level: &str) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// A panic anywhere ends the process: what is acknowledged is durable, and a new start takes seconds, so nothing is
/// worth answering from a process that has lost a thread.
pub fn die_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

/// Runs a server until SIGTERM or SIGINT: starts it, prints where it listens (public and admin),
/// and shuts it down.
///
/// # Errors
/// When the server does not start, or did not end in order.
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
        // Before the start, so that a signal during it is not lost.
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
    // What still runs on blocking threads was cut off: it must not hold the process.
    runtime.shutdown_background();
    outcome
}

/// SIGTERM and SIGINT, from when this is made.
#[derive(Debug)]
struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Takes both signals over: the process does not end by itself any more. Within a runtime.
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
