//! A real process's life on a disk, under strace: a server's, changed by one client and ended in one of several ways, or the
//! loader's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use cloud_proto::cloud::v1::{GetProfilesRequest, GetStatusRequest, TakeSnapshotRequest};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{self as databus, AtLeast};
use cloud_tests::history;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;

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
        let text = fs::read_to_string(&trace).expect("strace writes text");
        fs::remove_file(&trace).expect("the trace was there");
        Life {
            events: trace::parse(&text),
            ..life
        }
    }
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
        String::from("--signal=none"),
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

struct Client<'a> {
    story: &'a Story,
    acknowledged: u64,
    promises: Vec<(u64, Promise)>,
}

/// The server has gone.
struct Gone;

/// A write that the disk refused is tried again so often.
const ATTEMPTS_MAX: usize = 200;

impl Client<'_> {
    async fn work(&mut self, server: &Server, script: &Serving) {
        let connections = server.connect().await;
        for step in script.steps {
            let done = match *step {
                Step::Publish(windows) => {
                    let mut done = Ok(());
                    for _ in 0..windows {
                        done = done.and(self.publish(&connections, 1).await);
                    }
                    done
                }
                Step::Together(windows) => self.publish(&connections, windows as u64).await,
                Step::TakeSnapshot => self.take_snapshot(&connections).await,
                Step::LetGo => wait_until_let_go(&connections).await,
            };
            if done.is_err() {
                assert_eq!(
                    script.end,
                    End::KilledAtCall,
                    "the server ended in {step:?}"
                );
                return;
            }
        }
        assert!(
            script.end != End::KilledAtCall,
            "the call at which it should have ended never came"
        );
        if script.end == End::Terminated {
            self.wait_until_applied(&connections).await;
        }
    }

    /// What the overlay that is written at the end is to hold.
    async fn wait_until_applied(&self, connections: &Connections) {
        let status = connections
            .admin()
            .get_status(GetStatusRequest {})
            .await
            .expect("a status");
        let at_least = status.into_inner().log_head.map(|head| AtLeast {
            point: Some(Point::AsOf(head)),
        });
        let request = GetProfilesRequest {
            member_ids: vec![1],
            at_least,
        };
        connections
            .profiles()
            .get_profiles(request)
            .await
            .expect("it comes to the log's head");
    }

    fn promise(&mut self, promise: Promise) {
        self.promises.push((now(), promise));
    }

    /// The next windows of the story on one stream, again from the first that was refused.
    async fn publish(&mut self, connections: &Connections, windows: u64) -> Result<(), Gone> {
        let last = self.acknowledged + windows;
        for _ in 0..ATTEMPTS_MAX {
            let parts: Vec<_> = (self.acknowledged + 1..=last)
                .map(|scn| history::publish(self.story.window(scn)))
                .collect();
            let answers = connections
                .publisher()
                .publish(tokio_stream::iter(parts))
                .await;
            let refused = match answers {
                Err(refused) => refused,
                Ok(answers) => {
                    let mut answers = answers.into_inner();
                    loop {
                        match answers.message().await {
                            Err(refused) => break refused,
                            Ok(None) => break tonic::Status::unavailable("no answer"),
                            Ok(Some(answer)) => {
                                let scn = answer.as_of.expect("where it stands").scn;
                                assert_eq!(
                                    scn,
                                    self.acknowledged + 1,
                                    "windows stand in the log as they were sent"
                                );
                                self.acknowledged = scn;
                                self.promise(Promise::Windows(scn));
                                if scn == last {
                                    return Ok(());
                                }
                            }
                        }
                    }
                }
            };
            if is_gone(&refused) {
                return Err(Gone);
            }
        }
        panic!("{ATTEMPTS_MAX} attempts were refused");
    }

    async fn take_snapshot(&mut self, connections: &Connections) -> Result<(), Gone> {
        let status = connections.admin().get_status(GetStatusRequest {}).await;
        let head = match status {
            Ok(status) => status.into_inner().log_head.expect("a log"),
            Err(_) => return Err(Gone),
        };
        for _ in 0..ATTEMPTS_MAX {
            let at_least = Some(AtLeast {
                point: Some(Point::AsOf(head.clone())),
            });
            match connections
                .admin()
                .take_snapshot(TakeSnapshotRequest { at_least })
                .await
            {
                Ok(taken) => {
                    let scn = taken.into_inner().as_of.expect("where it stands").scn;
                    self.promise(Promise::Snapshot(scn));
                    return Ok(());
                }
                Err(refused) if is_gone(&refused) => return Err(Gone),
                Err(_) => {}
            }
        }
        panic!("{ATTEMPTS_MAX} attempts were refused");
    }
}

async fn wait_until_let_go(connections: &Connections) -> Result<(), Gone> {
    loop {
        let request = databus::GetStatusRequest {};
        let status = connections.databus().get_status(request).await;
        let status = status.map_err(|_| Gone)?.into_inner();
        if status.segments == 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the connection broke, and not the server refused.
fn is_gone(refused: &tonic::Status) -> bool {
    use std::error::Error as _;
    refused.source().is_some() || refused.message() == "no answer"
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_micros() as u64
}
