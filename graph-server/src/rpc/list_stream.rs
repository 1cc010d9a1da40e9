//! Streams of whole lists: one message after the other, all as of the same SCN.
//!
//! The first message is made before the call is answered. So a call that is wrong is refused as any
//! other, and a short list needs no task. The messages after it are made by a task, at most a few
//! ahead of the caller. A stream keeps its graph, and a graph keeps its version in memory;
//! therefore a stream ends at its deadline, stated or not, and when its caller reads nothing for a
//! while.

use crate::{
    limits::STREAMED_AHEAD, list_streams::StreamPlace, read_context::ReadContext,
    rpc::refusal::Refusal,
};
use cloud_serving as serving;
use std::{future::Future, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// The messages of a streamed list.
pub(crate) type Chunks<M> = ReceiverStream<Result<M, Status>>;

/// A list that is streamed.
pub(crate) trait Chunked: Send + 'static {
    /// A message with a part of the list.
    type Message: Send + 'static;

    /// Returns the next message, and whether more follow. Called until none does.
    fn next(&mut self) -> impl Future<Output = Result<(Self::Message, bool), Refusal>> + Send;
}

/// Streams the list to the caller of `context`.
pub(crate) async fn stream<V, C: Chunked>(
    context: &ReadContext<V>,
    place: StreamPlace,
    mut list: C,
) -> Result<Chunks<C::Message>, Refusal> {
    let (first, more) = list.next().await?;
    let (messages, receiver) = mpsc::channel(STREAMED_AHEAD + 1);
    let is_full = || serving::Refusal::internal("a stream ended before it began");
    let permit = messages
        .clone()
        .try_reserve_owned()
        .map_err(|_| is_full())?;
    permit.send(Ok(first));
    if more {
        // One place is kept free for the error that ends the stream, while the others may be full
        // of messages that the caller has not read.
        let end = messages
            .clone()
            .try_reserve_owned()
            .map_err(|_| is_full())?;
        let (stall_max, deadline) = (context.site.list_streams.stall_max(), context.call.deadline);
        let stopping = context.site.stopping.clone();
        tokio::spawn(async move {
            let _place = place;
            let ended = tokio::select! {
                ended = send_rest(list, messages, stall_max) => ended,
                () = stopping.cancelled() => Err(serving::Refusal::shutting_down().into()),
                () = tokio::time::sleep_until(deadline.at().into()) => {
                    Err(serving::Refusal::deadline().into())
                }
            };
            if let Err(refusal) = ended {
                end.send(Err(refusal.into()));
            }
        });
    }
    Ok(ReceiverStream::new(receiver))
}

/// Sends all further messages, until the caller goes away.
async fn send_rest<C: Chunked>(
    mut list: C,
    messages: mpsc::Sender<Result<C::Message, Status>>,
    stall_max: Duration,
) -> Result<(), Refusal> {
    loop {
        let (message, more) = list.next().await?;
        match messages.send_timeout(Ok(message), stall_max).await {
            Ok(()) if more => {}
            Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => return Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(Refusal::slow_reader(stall_max));
            }
        }
    }
}
