//! Answers: one message, or a stream of them in order.

use crate::Error;
use tonic::{Response, Status, Streaming};

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
    /// Returns the next message; `None` once the answer is complete.
    pub async fn next(&mut self) -> Result<Option<M>, Error> {
        let message = self.messages.message().await;
        message.map_err(|status| Error::from_status(&self.address, status))
    }
}

/// Returns the message of an answer from this address.
pub(crate) fn whole<M>(address: &str, answer: Result<Response<M>, Status>) -> Result<M, Error> {
    answer
        .map(Response::into_inner)
        .map_err(|status| Error::from_status(address, status))
}

/// Returns the stream of an answer from this address.
pub(crate) fn streamed<M>(
    address: &str,
    answer: Result<Response<Streaming<M>>, Status>,
) -> Result<AnswerStream<M>, Error> {
    Ok(AnswerStream {
        address: address.to_owned(),
        messages: whole(address, answer)?,
    })
}
