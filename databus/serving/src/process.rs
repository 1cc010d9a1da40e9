//! The process of a server: its log on stderr, its end by a signal, and the abort on a panic.

use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    error::Error,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
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

thread_local! {
    /// Whether a panic of this thread is caught by [`catch_panic`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Makes a panic on any thread abort the process, unless [`catch_panic`] catches it, or the thread
/// belongs to a library that reports its panic as an error. `library_threads` are the beginnings of
/// the names of such threads.
///
/// Acknowledged changes are durable, and a restart takes seconds. A process that has lost a thread
/// is therefore not worth keeping.
pub fn die_on_panic(library_threads: &'static [&'static str]) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        let is_reported = library_threads.iter().any(|begin| name.starts_with(begin));
        if !is_reported && !IS_CAUGHT.get() {
            std::process::abort();
        }
    }));
}

/// A panic that was caught, with its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(String);

/// Runs work that calls into a library, and returns the library's panic as an error. The caller
/// must replace everything that the work may have left half done.
///
/// # Errors
/// If the work panicked.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    let before = IS_CAUGHT.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(before);
    outcome.map_err(|panic| {
        let message = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        Panicked(message.unwrap_or_else(|| "without a message".to_owned()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_an_error_with_its_message() {
        let caught = |work: fn()| catch_panic(work).unwrap_err().to_string();
        assert_eq!(caught(|| panic!("a {}", "b")), "panicked: a b");
        assert_eq!(caught(|| panic!("c")), "panicked: c");
        assert_eq!(
            caught(|| std::panic::panic_any(1)),
            "panicked: without a message"
        );
        assert_eq!(catch_panic(|| 7), Ok(7));
        assert!(!IS_CAUGHT.get());
    }
}
