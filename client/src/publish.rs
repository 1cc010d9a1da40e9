//! The two ends of a call that publishes many windows.
//!
//! Sending does not wait until earlier windows are durable, so one caller can keep the log's group
//! commit full.

use crate::{Error, Window};
use cloud_proto::databus::v1::{Change, PublishRequest, PublishResponse};
use tokio::sync::mpsc;
use tonic::Streaming;

/// The end that sends windows. After it is dropped, [`Acknowledgements`] end with the last answer.
#[derive(Debug)]
pub struct WindowSender {
    address: String,
    parts: mpsc::Sender<PublishRequest>,
}

impl WindowSender {
    pub(crate) fn new(address: String, parts: mpsc::Sender<PublishRequest>) -> Self {
        Self { address, parts }
    }

    /// Sends a window. Waits only while [`crate::limits::PARTS_IN_FLIGHT_MAX`] parts are on their
    /// way. If it fails, [`Acknowledgements::next`] returns the reason.
    pub async fn send(&self, window: Window) -> Result<(), Error> {
        self.send_with(window, []).await
    }

    /// Sends a window whose own changes are followed by others, which are read part by part: the
    /// whole window is never in memory. It waits and fails like [`send`](Self::send).
    pub async fn send_with(
        &self,
        window: Window,
        more: impl IntoIterator<Item = Change>,
    ) -> Result<(), Error> {
        for part in window.into_parts(more) {
            let sent = self.parts.send(PublishRequest { part: Some(part) }).await;
            sent.map_err(|_| Error::ended(&self.address))?;
        }
        Ok(())
    }
}

/// The end that receives the answers: one for each window, in their order.
#[derive(Debug)]
pub struct Acknowledgements {
    address: String,
    answers: Streaming<PublishResponse>,
}

impl Acknowledgements {
    pub(crate) fn new(address: String, answers: Streaming<PublishResponse>) -> Self {
        Self { address, answers }
    }

    /// Returns the next answer: its window is durable. `None` after the last answer.
    pub async fn next(&mut self) -> Result<Option<PublishResponse>, Error> {
        self.answers
            .message()
            .await
            .map_err(|status| Error::from_status(&self.address, status))
    }
}
