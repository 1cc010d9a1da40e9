//! A real process's life on a disk, under strace: a server's, changed by one client and ended in one of several ways, or the
//! loader's.

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

/// What is done to a server, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// So many windows, each acknowledged before the next is sent.
    Publish(usize),
    /// So many windows on one stream, all sent before the first is acknowledged.
    Together(usize),
    TakeSnapshot,
    /// Waits until the log holds one segment only.
    LetGo,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGTERM, and it ends in order.
    Terminated,
    /// SIGTERM while the disk fails: it may say that it did not end in order.
    TerminatedBadly,
    /// SIGKILL by the client, after the last step.
    Killed,
    /// SIGKILL at a call that strace waits for, whatever step that is in.
    KilledAtCall,
}

/// A life to be lived.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// The loader's, which builds the site.
    Build,
    /// A server's.
    Serve(Serving),
}

/// A server's life to be lived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Serving {
    /// What strace does to the server's calls, as its `-e inject=` takes it.
    pub(crate) inject: Option<&'static str>,
    pub(crate) flags: &'static [&'static str],
    pub(crate) steps: &'static [Step],
    pub(crate) end: End,
}

/// What was promised, and when.
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

/// A life that was lived.
pub(crate) struct Life {
    pub(crate) events: Vec<Event>,
    /// By time, in µs since 1970.
    pub(crate) promises: Vec<(u64, Promise)>,
    /// When the server was ready, in the same time.
    pub(crate) ready: u64,
    /// Windows that are acknowledged by its end.
    pub(crate) acknowledged: u64,
    /// Whether it was a server's.
    pub(crate) serves: bool,
}

impl Script {
    /// Lives it on the site in `folder`; `acknowledged` windows of the story are in its log for certain.
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

/// The trace of a process that has ended. strace runs apart from it (`-D`) and writes on for a moment: the last line is the end of the
/// process, which bears the id of the thread that made the first call.
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
        // Signals say nothing that is wanted, but one: without it strace writes no last line of a process that is killed.
        String::from("--signal=KILL"),
        format!("--output={}", trace.display()),
        format!("--trace={CALLS}"),
        match inject {
            // Faster; but a signal cannot be sent at the stops that this makes.
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

/// Panics with what to do when there is no strace, or it may not trace.
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
        "these tests trace the server with strace, which is not there or may not trace ({ran:?}): run `tests/strace-installed` \
         once as root"
    );
}

/// In µs since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_micros() as u64
}
