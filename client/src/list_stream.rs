//! A streamed list: its messages in order, all as of the same point.

use crate::Error;
use tonic::Streaming;

/// The messages of a list, each with a part of it. Dropping it ends the stream.
///
/// The timeout of the handle is that of the whole stream.
#[derive(Debug)]
pub struct ListStream<M> {
    address: String,
    messages: Streaming<M>,
}

impl<M> ListStream<M> {
    pub(crate) fn new(address: String, messages: Streaming<M>) -> Self {
        Self { address, messages }
    }

    /// Returns the next message; `None` once the list is complete.
    pub async fn next(&mut self) -> Result<Option<M>, Error> {
        let message = self.messages.message().await;
        message.map_err(|status| Error::from_status(&self.address, status))
    }
}
