//! Publishing many windows over one call: the two ends of the stream.
//!
//! Sending does not wait for what was sent before to be durable, so one caller can keep the log's group commit full.

use crate::{Error, Window};
use cloud_proto::databus::v1::{PublishRequest, PublishResponse};
use tokio::sync::mpsc;
use tonic::Streaming;

/// The end that takes windows. Dropping it lets [`Acknowledgements`] end after the last answer.
#[derive(Debug)]
pub struct WindowSender {
    address: String,
    parts: mpsc::Sender<PublishRequest>,
}

impl WindowSender {
    pub(crate) fn new(address: String, parts: mpsc::Sender<PublishRequest>) -> Self {
        Self { address, parts }
    }

    /// Sends a window; waits only while [`crate::limits::PARTS_IN_FLIGHT_MAX`] parts are on their way. When it fails,
    /// the other end knows why.
    pub async fn send(&self, window: Window) -> Result<(), Error> {
        for part in window.into_parts() {
            let sent = self.parts.send(PublishRequest { part: Some(part) }).await;
            sent.map_err(|_| Error::ended(&self.address))?;
        }
        Ok(())
    }
}

/// The end that answers, once for each window and in their order.
#[derive(Debug)]
pub struct Acknowledgements {
    address: String,
    answers: Streaming<PublishResponse>,
}

impl Acknowledgements {
    pub(crate) fn new(address: String, answers: Streaming<PublishResponse>) -> Self {
        Self { address, answers }
    }

    /// The next window's answer: it is durable. None when all are answered.
    pub async fn next(&mut self) -> Result<Option<PublishResponse>, Error> {
        self.answers
            .message()
            .await
            .map_err(|status| Error::from_status(&self.address, status))
    }
}
