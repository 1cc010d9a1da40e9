//! A subscription to the log's windows.

use crate::{Error, part_order::PartOrder};
use cloud_proto::databus::v1::{Heartbeat, SubscribeResponse, WindowPart, subscribe_response};
use tonic::Streaming;

/// An event of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A part of a window. The window is complete with its last part.
    Part(WindowPart),
    /// The log's durable head; sent first, and then about once a second.
    Heartbeat(Heartbeat),
}

/// An open subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    address: String,
    stream: Streaming<SubscribeResponse>,
    order: PartOrder,
}

impl Subscription {
    pub(crate) fn new(
        address: String,
        after_scn: u64,
        stream: Streaming<SubscribeResponse>,
    ) -> Self {
        let order = PartOrder::after(after_scn);
        Self {
            address,
            stream,
            order,
        }
    }

    /// Returns the next event; `None` if the server ended the subscription in order. A window that
    /// is missing or repeated is an error with the reason [`OUT_OF_ORDER`](Error::OUT_OF_ORDER). No
    /// part of it is then returned.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let message = self.stream.message().await;
            let message = message.map_err(|status| Error::from_status(&self.address, status))?;
            let Some(SubscribeResponse {
                event,
                previous_scn,
            }) = message
            else {
                return Ok(None);
            };
            return match event {
                Some(subscribe_response::Event::Part(part)) => {
                    let taken = self.order.take(&part, previous_scn);
                    taken.map_err(|problem| Error::out_of_order(&self.address, &problem))?;
                    Ok(Some(Event::Part(part)))
                }
                Some(subscribe_response::Event::Heartbeat(heartbeat)) => {
                    Ok(Some(Event::Heartbeat(heartbeat)))
                }
                // An event that only a later version knows.
                None => continue,
            };
        }
    }
}
