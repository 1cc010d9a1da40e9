//! The life of a real process on a disk, under strace: that of a server, or that of the loader.
//!
//! One client changes the server, which ends in one of several ways.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use cloud_tests::server::Server;
use cloud_tests::site;
use cloud_tests::until::until;

use crate::client::Client;
use crate::story::Story;
use crate::trace::{self, CALLS, Event, STRING_BYTES_MAX};

/// A step of a server's life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Publishes this many windows, each acknowledged before the next is sent.
    Publish(usize),
    /// Publishes this many windows on one stream, all sent before the first is acknowledged.
    Together(usize),
    TakeSnapshot,
    /// Waits until the log holds one segment only.
    AwaitRetention,
}

/// The way in which a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By SIGTERM, in order.
    Terminated,
    /// By SIGTERM while the disk fails. It may report that it did not end in order.
    TerminatedBadly,
    /// By SIGKILL from the client, after the last step.
    Killed,
    /// By SIGKILL at a call that strace waits for, in any step.
    KilledAtCall,
}

/// The script of a process's life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// The loader builds the site.
    Build,
    /// A server runs on the site.
    Serve(Serving),
}

/// The script of a server's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    /// The injections into the server's calls, in the form of strace's `-e inject=`.
    pub(crate) inject: Option<&'static str>,
    pub(crate) flags: &'static [&'static str],
    pub(crate) steps: &'static [Step],
    pub(crate) end: End,
}

/// A promise that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Promise {
    /// The site was built.
    Built,
    /// The windows up to this SCN were acknowledged.
    Windows(u64),
    /// A snapshot at this SCN or above was taken.
    Snapshot(u64),
    /// The overlay was written at the end of an orderly life.
    Overlay,
}

/// The record of a process's life.
pub(crate) struct Life {
    pub(crate) events: Vec<Event>,
    /// The promises by time, in µs since 1970.
    pub(crate) promises: Vec<(u64, Promise)>,
    /// The time at which the server was ready, on the same clock.
    pub(crate) ready: u64,
    /// The number of windows that are acknowledged by its end.
    pub(crate) acknowledged: u64,
    /// True if the process was a server.
    pub(crate) serves: bool,
}

impl Script {
    /// Runs the script on the site in `folder`. At least `acknowledged` windows of the story are in
    /// its log.
    pub(crate) async fn live(&self, folder: &Path, story: &Story, acknowledged: u64) -> Life {
        let trace = folder.join("trace");
        let inject = match self {
            Self::Build => None,
            Self::Serve(serving) => serving.inject,
        };
        let strace = strace(&trace, inject);
        let strace: Vec<&str> = strace.iter().map(String::as_str).collect();
        let life = match self {
            Self::Build => build(&strace, folder, story),
            Self::Serve(serving) => serving.live(&strace, folder, story, acknowledged).await,
        };
        let text = whole(&trace).await;
        fs::remove_file(&trace).expect("the trace was there");
        Life {
            events: trace::parse(&text),
            ..life
        }
    }
}

/// Returns the trace of a process that has ended. strace runs apart from it (`-D`) and writes on
/// for a moment. The last line is the end of the process, with the id of the thread that made the
/// first call.
async fn whole(trace: &Path) -> String {
    until("strace writes the end of the process", async || {
        let text = fs::read_to_string(trace).expect("strace writes text");
        let process = text.split(' ').next().unwrap_or_default();
        let end = format!("{process} ");
        let is_whole = text.ends_with('\n')
            && (text.lines().next_back())
                .is_some_and(|line| line.starts_with(&end) && line.contains(" +++ "));
        is_whole.then_some(text)
    })
    .await
}

fn strace(trace: &Path, inject: Option<&str>) -> Vec<String> {
    vec![
        String::from("strace"),
        String::from("-D"),
        String::from("-f"),
        String::from("-ttt"),
        String::from("-xx"),
        format!("-s{STRING_BYTES_MAX}"),
        String::from("--quiet=attach,personality"),
        // Signals are not needed, except for one: without it strace writes no last line for a
        // process that is killed.
        String::from("--signal=KILL"),
        format!("--output={}", trace.display()),
        format!("--trace={CALLS}"),
        match inject {
            // This is faster, but a signal cannot be sent at the stops that it makes.
            None => String::from("--seccomp-bpf"),
            Some(inject) => format!("--inject={inject}"),
        },
    ]
}

fn build(strace: &[&str], folder: &Path, story: &Story) -> Life {
    site::build_under(strace, story.beginning(), folder);
    Life {
        events: Vec::new(),
        promises: vec![(now(), Promise::Built)],
        ready: u64::MAX,
        acknowledged: 0,
        serves: false,
    }
}

impl Serving {
    async fn live(&self, strace: &[&str], folder: &Path, story: &Story, acknowledged: u64) -> Life {
        let mut client = Client {
            story,
            acknowledged,
            promises: Vec::new(),
        };
        let mut ready = u64::MAX;
        match Server::try_start_under(strace, folder, self.flags) {
            Ok(server) => {
                ready = now();
                client.work(&server, self).await;
                self.end(server, &mut client);
            }
            Err(log) => {
                assert_eq!(
                    self.end,
                    End::KilledAtCall,
                    "the server did not start:\n{log}"
                );
            }
        }
        Life {
            events: Vec::new(),
            promises: client.promises,
            ready,
            acknowledged: client.acknowledged,
            serves: true,
        }
    }

    fn end(&self, server: Server, client: &mut Client<'_>) {
        match self.end {
            End::Terminated => {
                let status = server.terminate();
                assert!(status.success(), "SIGTERM ends the server well: {status}");
                client.promise(Promise::Overlay);
            }
            End::TerminatedBadly => drop(server.terminate()),
            End::Killed => server.kill(),
            End::KilledAtCall => drop(server.wait()),
        }
    }
}

/// Panics with instructions if strace is missing, or may not trace.
pub(crate) fn check_strace() {
    let ran = Command::new("strace")
        .args([
            "-D",
            "-f",
            "--seccomp-bpf",
            "--trace=fsync",
            "-o",
            "/dev/null",
            "true",
        ])
        .status();
    let works = ran.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(
        works,
        "these tests trace the server with strace, which is missing or may not trace ({ran:?}): \
         run `tests/strace-installed` \
         once as root"
    );
}

/// Returns the time in µs since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_micros() as u64
}
