//! Following the log.

use crate::Error;
use cloud_proto::databus::v1::{Heartbeat, SubscribeResponse, WindowPart, subscribe_response};
use tonic::Streaming;

/// What a subscription hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A part of a window; the window is whole with its last part.
    Part(WindowPart),
    /// Where the log's durable head stands; sent first, and when nothing else was for a second.
    Heartbeat(Heartbeat),
}

/// An open subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    address: String,
    stream: Streaming<SubscribeResponse>,
}

impl Subscription {
    pub(crate) fn new(address: String, stream: Streaming<SubscribeResponse>) -> Self {
        Self { address, stream }
    }

    /// The next event; none when the server ended the subscription in order.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let message = self.stream.message().await;
            let message = message.map_err(|status| Error::from_status(&self.address, status))?;
            return Ok(match message.map(|message| message.event) {
                None => None,
                Some(Some(subscribe_response::Event::Part(part))) => Some(Event::Part(part)),
                Some(Some(subscribe_response::Event::Heartbeat(heartbeat))) => {
                    Some(Event::Heartbeat(heartbeat))
                }
                // An event of a later version.
                Some(None) => continue,
            });
        }
    }
}
