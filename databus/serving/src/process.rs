//! The process of a server: its end by a signal, SIGHUP, and the abort on a panic.

use crate::{descriptors, log::ProcessLog};
use cloud_files::keep_private;
use cloud_terminal::{Stderr, announce};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    cell::Cell,
    error::Error,
    io::{self, Write as _},
    net::SocketAddr,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The time between two statements of how many log lines were left out.
const STATE_INTERVAL: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether a panic of this thread is caught by [`catch_panic`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Prepares the process of a server, before it starts a thread: its files are private, it may open
/// as many descriptors as the system allows, and a panic on any thread aborts it. `library_threads`
/// are the beginnings of the names of threads whose library reports a panic as an error.
pub fn prepare(library_threads: &'static [&'static str]) {
    keep_private();
    die_on_panic(library_threads);
    descriptors::raise_limit();
}

/// Makes a panic on any thread abort the process, unless [`catch_panic`] catches it, or the thread
/// belongs to a library that reports its panic as an error. `library_threads` are the beginnings of
/// the names of such threads.
///
/// Acknowledged changes are durable, and a restart takes seconds. A process that has lost a thread
/// is therefore not worth keeping.
fn die_on_panic(library_threads: &'static [&'static str]) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        report(name, panic);
        let is_reported = library_threads.iter().any(|begin| name.starts_with(begin));
        if !is_reported && !IS_CAUGHT.get() {
            std::process::abort();
        }
    }));
}

/// Writes the message of a panic to stderr. Like a line of the log, it never fails and never waits
/// for long.
fn report(thread: &str, panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    let text = format!("thread '{thread}' {panic}{backtrace}\n");
    for line in text.split_inclusive('\n') {
        // Never fails.
        let _ = Stderr.write_all(line.as_bytes());
    }
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
/// shuts it down. At SIGHUP, the log gets the level that `level` reads again.
///
/// # Errors
/// If the server does not start, or its shutdown fails.
pub fn run<Running, StartError, ShutdownError>(
    log: ProcessLog,
    level: impl Fn() -> Result<String, String> + Send + 'static,
    start: impl Future<Output = Result<Running, StartError>>,
    addresses: impl FnOnce(&Running) -> [SocketAddr; 2],
    shutdown: impl AsyncFnOnce(Running) -> Result<(), ShutdownError>,
) -> Result<(), Box<dyn Error>>
where
    StartError: Error + 'static,
    ShutdownError: Error + 'static,
{
    run_process(log, level, async |signals: &mut EndSignals| {
        let running = tokio::select! {
            running = start => running?,
            () = signals.received() => {
                tracing::info!("ended by a signal during the start");
                return Ok(());
            }
        };
        let [public, admin] = addresses(&running);
        if !announce(format_args!("listening public={public} admin={admin}")) {
            tracing::warn!(%public, %admin, "stdout: the addresses could not be printed");
        }
        signals.received().await;
        tracing::info!("shutting down");
        Ok(shutdown(running).await?)
    })
}

/// Runs work that ends by itself, or by the token that SIGTERM or SIGINT cancels. At SIGHUP, the
/// log gets the level that `level` reads again.
///
/// # Errors
/// If the work fails.
pub fn run_until_ended<WorkError: Error + 'static>(
    log: ProcessLog,
    level: impl Fn() -> Result<String, String> + Send + 'static,
    work: impl AsyncFnOnce(CancellationToken) -> Result<(), WorkError>,
) -> Result<(), Box<dyn Error>> {
    run_process(log, level, async |signals: &mut EndSignals| {
        let stop = CancellationToken::new();
        let mut work = pin!(work(stop.clone()));
        tokio::select! {
            ended = &mut work => return Ok(ended?),
            () = signals.received() => {}
        }
        tracing::info!("shutting down");
        stop.cancel();
        Ok(work.await?)
    })
}

/// Runs a process in a runtime of its own, with its signals and its log.
fn run_process(
    log: ProcessLog,
    level: impl Fn() -> Result<String, String> + Send + 'static,
    main: impl AsyncFnOnce(&mut EndSignals) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let log = Arc::new(log);
    let outcome = runtime.block_on(async {
        // The handlers are installed before the start, so that a signal during the start is not
        // lost.
        let mut signals = EndSignals::new()?;
        let hangups = signal(SignalKind::hangup())?;
        tokio::spawn(reload_level(hangups, Arc::clone(&log), level));
        tokio::spawn(state_left_out(Arc::clone(&log)));
        main(&mut signals).await
    });
    // Work that still runs on blocking threads was cut off. It must not keep the process alive.
    runtime.shutdown_background();
    log.state_left_out(true);
    outcome
}

/// Sets the level of the log at each SIGHUP, which therefore does not end the process.
async fn reload_level(
    mut hangups: Signal,
    log: Arc<ProcessLog>,
    level: impl Fn() -> Result<String, String>,
) {
    while hangups.recv().await.is_some() {
        let set = level().and_then(|level| log.set_level(&level).map(|()| level));
        match set {
            Ok(level) => tracing::info!(level, "SIGHUP: the level of the log is set"),
            Err(error) => tracing::error!(error, "SIGHUP: the level of the log stays"),
        }
    }
}

async fn state_left_out(log: Arc<ProcessLog>) {
    let mut interval = tokio::time::interval(STATE_INTERVAL);
    loop {
        interval.tick().await;
        log.state_left_out(false);
    }
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
    use std::{
        fs::File,
        os::unix::process::ExitStatusExt as _,
        process::{Command, Stdio},
    };

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

    /// The variable that makes the next test the process under test, and says what panics.
    const PANICS: &str = "CLOUD_TEST_PANICS";

    #[test]
    fn a_panic_whose_message_cannot_be_written_does_what_any_other_does() {
        match std::env::var(PANICS).as_deref() {
            Ok("caught") => {
                die_on_panic(&[]);
                catch_panic(|| panic!("a")).unwrap_err();
                return;
            }
            Ok(_) => {
                die_on_panic(&["library"]);
                let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
                let library = named("library 1").spawn(|| panic!("a")).unwrap();
                library.join().unwrap_err();
                let _ = named("other").spawn(|| panic!("a")).unwrap().join();
                return;
            }
            Err(_) => {}
        }
        let run = |panics: &str, stderr: Stdio| {
            let name = "a_panic_whose_message_cannot_be_written_does_what_any_other_does";
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", &format!("process::tests::{name}"), "--nocapture"]);
            command.env(PANICS, panics).stdout(Stdio::null());
            command.stderr(stderr).status().unwrap()
        };
        const ABORTED: i32 = 6;
        for stderr in broken() {
            assert!(run("caught", stderr).success());
        }
        for stderr in broken() {
            assert_eq!(run("not caught", stderr).signal(), Some(ABORTED));
        }
    }

    /// Returns a full disk, a pipe whose reader is gone, and one whose reader does not read.
    fn broken() -> [Stdio; 3] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (_, gone) = io::pipe().unwrap();
        let (reader, mut stuck) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&stuck, true).unwrap();
        while stuck.write(&[b'x'; 512]).is_ok() {}
        rustix::io::ioctl_fionbio(&stuck, false).unwrap();
        std::mem::forget(reader);
        [full.into(), gone.into(), stuck.into()]
    }
}
