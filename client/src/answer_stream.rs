//! A streamed answer: its messages in order.

use crate::Error;
use tonic::Streaming;

/// The messages of an answer: the parts of a list, all as of the same point, or the progress of a
/// backup. Dropping it ends the call.
///
/// The timeout of the handle is that of the whole stream.
#[derive(Debug)]
pub struct AnswerStream<M> {
    address: String,
    messages: Streaming<M>,
}

impl<M> AnswerStream<M> {
    pub(crate) fn new(address: String, messages: Streaming<M>) -> Self {
        Self { address, messages }
    }

    /// Returns the next message; `None` once the answer is complete.
    pub async fn next(&mut self) -> Result<Option<M>, Error> {
        let message = self.messages.message().await;
        message.map_err(|status| Error::from_status(&self.address, status))
    }
}
