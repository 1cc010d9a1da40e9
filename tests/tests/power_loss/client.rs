//! The one who changes a server in its life, and notes what was promised.

use std::time::Duration;

use cloud_proto::cloud::v1::{GetProfilesRequest, GetStatusRequest, TakeSnapshotRequest};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{self as databus, AtLeast};
use cloud_tests::history;
use cloud_tests::server::{Connections, Server};

use crate::life::{End, Promise, Serving, Step, now};
use crate::story::Story;

/// See the module.
pub(crate) struct Client<'a> {
    pub(crate) story: &'a Story,
    /// Windows.
    pub(crate) acknowledged: u64,
    /// By time, in µs since 1970.
    pub(crate) promises: Vec<(u64, Promise)>,
}

/// The server has gone.
struct Gone;

/// A write that the disk refused is tried again so often.
const ATTEMPTS_MAX: usize = 200;

impl Client<'_> {
    /// Takes the script's steps.
    pub(crate) async fn work(&mut self, server: &Server, script: &Serving) {
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

    pub(crate) fn promise(&mut self, promise: Promise) {
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
