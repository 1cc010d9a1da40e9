//! What every server's process does around its work: its log on stderr, an end by signal, and none of its threads lost.

use serde::{Deserialize, Serialize};
use std::io::{self, IsTerminal as _};
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

/// SIGTERM and SIGINT, from when this is made.
#[derive(Debug)]
pub struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Takes them over: the process does not end by itself any more. Within a runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
