//! The client that changes a server during its life, and records the promises it received.

use cloud_client::Error;
use cloud_proto::cloud::v1::{BatchGetProfilesRequest, GetStatusRequest, TakeSnapshotRequest};
use cloud_proto::databus::v1::AtLeast;
use cloud_proto::databus::v1::at_least::Point;
use cloud_tests::history;
use cloud_tests::server::{Connections, Server};
use cloud_tests::until::until;

use crate::life::{End, Promise, Serving, Step, now};
use crate::story::Story;

/// A client of one server.
pub(crate) struct Client<'a> {
    pub(crate) story: &'a Story,
    /// The number of windows that were acknowledged.
    pub(crate) acknowledged: u64,
    /// The promises by time, in µs since 1970.
    pub(crate) promises: Vec<(u64, Promise)>,
}

/// The error when the server has gone.
struct Gone;

/// The number of attempts to send a write that the disk refuses.
const ATTEMPTS_MAX: usize = 200;

impl Client<'_> {
    /// Runs the steps of the script.
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
                Step::AwaitRetention => wait_for_retention(&connections).await,
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

    /// Waits until everything that the overlay at the end must hold is applied.
    async fn wait_until_applied(&self, connections: &Connections) {
        let status = connections
            .admin
            .call(GetStatusRequest {})
            .await
            .expect("a status");
        let at_least = status.log_head.map(|head| AtLeast {
            point: Some(Point::AsOf(head)),
        });
        let request = BatchGetProfilesRequest {
            anonymous: true,
            member_ids: vec![1],
            at_least,
            ..Default::default()
        };
        connections
            .client
            .call(request)
            .await
            .expect("it comes to the log's head");
    }

    pub(crate) fn promise(&mut self, promise: Promise) {
        self.promises.push((now(), promise));
    }

    /// Publishes the next windows of the story on one stream, again from the first that was
    /// refused.
    async fn publish(&mut self, connections: &Connections, windows: u64) -> Result<(), Gone> {
        let last = self.acknowledged + windows;
        for _ in 0..ATTEMPTS_MAX {
            match self.publish_up_to(connections, last).await {
                Ok(()) => return Ok(()),
                Err(Some(refused)) if !is_gone(&refused) => {}
                Err(_) => return Err(Gone),
            }
        }
        panic!("{ATTEMPTS_MAX} attempts were refused");
    }

    /// Sends all windows, and then reads the answers. The error is the first refusal, or `None` if
    /// the stream ended.
    async fn publish_up_to(
        &mut self,
        connections: &Connections,
        last: u64,
    ) -> Result<(), Option<Error>> {
        let (windows, mut answers) = connections.admin.publisher().await?;
        for scn in self.acknowledged + 1..=last {
            let window = history::to_publish(self.story.window(scn));
            // A refusal ends the stream; the answers hold the reason.
            if windows.send(window).await.is_err() {
                break;
            }
        }
        drop(windows);
        while self.acknowledged < last {
            let answer = answers.next().await?.ok_or(None::<Error>)?;
            let scn = answer.as_of.expect("where it stands").scn;
            assert_eq!(
                scn,
                self.acknowledged + 1,
                "windows stand in the log as they were sent"
            );
            self.acknowledged = scn;
            self.promise(Promise::Windows(scn));
        }
        Ok(())
    }

    async fn take_snapshot(&mut self, connections: &Connections) -> Result<(), Gone> {
        let status = connections.admin.call(GetStatusRequest {}).await;
        let head = match status {
            Ok(status) => status.log_head.expect("a log"),
            Err(_) => return Err(Gone),
        };
        for _ in 0..ATTEMPTS_MAX {
            let at_least = Some(AtLeast {
                point: Some(Point::AsOf(head.clone())),
            });
            match connections
                .admin
                .call(TakeSnapshotRequest { at_least })
                .await
            {
                Ok(taken) => {
                    let scn = taken.as_of.expect("where it stands").scn;
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

async fn wait_for_retention(connections: &Connections) -> Result<(), Gone> {
    until("the log holds one segment", async || {
        let status = connections.log.log_status().await;
        match status {
            Ok(status) => (status.segments == 1).then_some(Ok(())),
            Err(_) => Some(Err(Gone)),
        }
    })
    .await
}

/// Returns whether the connection broke, in contrast to a refusal by the server.
fn is_gone(refused: &Error) -> bool {
    matches!(refused, Error::Unreachable { .. })
}
