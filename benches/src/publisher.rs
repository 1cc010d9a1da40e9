//! A caller of Publish that waits for each window to be durable.

use cloud_proto::databus::v1::{AsOf, Change, PublishRequest, PublishResponse, WindowPart};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::channels::Channels;
use crate::outcome::Outcome;

/// One call of Publish: windows in, answers out.
#[derive(Debug)]
pub struct Publisher {
    windows: mpsc::Sender<PublishRequest>,
    answers: Streaming<PublishResponse>,
}

impl Publisher {
    /// Begins the call, over the connection that `number` picks.
    pub async fn open(channels: &Channels, number: u64) -> Outcome<Self> {
        let (windows, received) = mpsc::channel(1);
        let answers = channels
            .publisher(number)
            .publish(ReceiverStream::new(received))
            .await?
            .into_inner();
        Ok(Self { windows, answers })
    }

    /// Where the window stands, once it is durable.
    pub async fn publish(&mut self, changes: Vec<Change>) -> Outcome<AsOf> {
        self.windows.send(publish_request(changes)).await?;
        let answer = self
            .answers
            .message()
            .await?
            .and_then(|answer| answer.as_of);
        answer.ok_or_else(|| "Publish ended".into())
    }
}

/// A window of one part, from a publisher that numbers nothing.
pub fn publish_request(changes: Vec<Change>) -> PublishRequest {
    PublishRequest {
        part: Some(WindowPart {
            last: true,
            changes,
            ..Default::default()
        }),
    }
}
