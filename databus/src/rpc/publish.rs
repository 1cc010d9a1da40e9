//! Publish: appends the caller's windows to the log, and answers where each of them stands.
//!
//! One task reads windows and another answers them, so that the windows of one caller share the
//! log's group commit. A bounded queue of windows between the two keeps the answers in order.

use super::{
    LogServer, log_metrics::WindowSize, refusals::slow_publisher, window_room::WindowRoom,
};
use crate::{
    AppendError, Appended, CheckedWindow, Pipeline, WindowAssembler,
    limits::{PART_WAIT_MAX, WINDOWS_IN_FLIGHT_MAX},
};
use cloud_proto::databus::v1::{PublishRequest, PublishResponse};
use cloud_serving::{Deadline, Refusal, refusal_of_tonic};
use std::{
    future::{poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::unconstrained,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming};

/// The stream of answers to the caller.
pub type Answers = ReceiverStream<Result<PublishResponse, Status>>;

/// A window on its way to the log, or the reason why there are no more.
type Queued = Result<Appending, Refusal>;
type Appending = Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send>>;

/// Serves a Publish call: appends the windows in order, and answers each once it is durable.
pub async fn publish(
    server: &Arc<LogServer>,
    request: Request<Streaming<PublishRequest>>,
) -> Result<Answers, Refusal> {
    let limit = server.limits.publishers_max as u64;
    let place = Arc::clone(&server.publishers).try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy("Publish calls", limit))?;
    let deadline = Deadline::of(&request).stated();
    let parts = request.into_inner();
    let (queue, windows) = mpsc::channel(WINDOWS_IN_FLIGHT_MAX);
    let (answers, receiver) = mpsc::channel(WINDOWS_IN_FLIGHT_MAX + 1);
    // The last place is kept free for the error that ends the call. The other places may be full of
    // answers that the caller has not read.
    let ended = |_| Refusal::internal("the call ended before it began");
    let last = answers.clone().reserve_owned().await.map_err(ended)?;
    let (answering, answered) = oneshot::channel::<()>();
    let reader = Arc::clone(server);
    tokio::spawn(async move {
        let outcome = tokio::select! {
            outcome = read(&reader, parts, &queue) => outcome,
            () = reader.stopping.cancelled() => Err(Refusal::shutting_down()),
            () = expired(deadline) => Err(Refusal::deadline()),
            // The answering task has ended the call.
            _ = answered => return,
        };
        if let Err(refusal) = outcome {
            // The error is queued behind the windows in flight. Sending fails only if the answering
            // task has ended.
            let _ = queue.send(Err(refusal)).await;
        }
    });
    let writer = Arc::clone(server);
    tokio::spawn(async move {
        if let Err(refusal) = answer(&writer, windows, &answers).await {
            last.send(Err(refusal.into()));
        }
        drop((answering, place));
    });
    Ok(ReceiverStream::new(receiver))
}

async fn expired(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Passes the windows to the log in their order, until the caller sends no more, or is idle for too
/// long.
async fn read(
    server: &Arc<LogServer>,
    mut parts: Streaming<PublishRequest>,
    queue: &mpsc::Sender<Queued>,
) -> Result<(), Refusal> {
    let mut assembler = WindowAssembler::new(server.log.window_limits());
    let (pipeline, limits) = (server.log.pipeline(), &server.limits);
    let all_kib = Arc::clone(&server.publish_kib);
    let mut room = WindowRoom::new(all_kib, limits.publish_kib_max(), limits.stall_max);
    // Each window in flight holds a clone.
    let in_flight = Arc::new(());
    loop {
        let is_begun = assembler.begun_bytes().is_some();
        let idle_max = if is_begun {
            PART_WAIT_MAX
        } else {
            limits.idle_max
        };
        let received = match timeout(idle_max, parts.message()).await {
            Ok(received) => received,
            Err(_) if !is_begun && Arc::strong_count(&in_flight) > 1 => continue,
            Err(_) => return Err(Refusal::idle(idle_max)),
        };
        let PublishRequest { part } = match received {
            Ok(Some(request)) => request,
            Ok(None) => break,
            Err(status) => match refusal_of_tonic(&status) {
                Some(refusal) => return Err(refusal),
                // If the caller breaks the call off, the windows that were whole before are
                // published.
                None => break,
            },
        };
        let part = part.ok_or_else(|| Refusal::field("part", "is missing"))?;
        let Some(window) = assembler.push(part)? else {
            room.grow_to(assembler.begun_bytes().unwrap_or_default())
                .await?;
            continue;
        };
        server.check_serving()?;
        server.check_source(window.source_id())?;
        let Ok(place) = queue.reserve().await else {
            return Ok(());
        };
        room.grow_to(window.bytes()).await?;
        let held = (room.take(), Arc::clone(&in_flight));
        place.send(Ok(begin(server, &pipeline, window, held).await));
    }
    Ok(assembler.finish()?)
}

/// Queues the window in the log. It holds its room until it is appended.
async fn begin(
    server: &Arc<LogServer>,
    pipeline: &Pipeline,
    window: CheckedWindow,
    held: (Option<OwnedSemaphorePermit>, Arc<()>),
) -> Appending {
    let size = WindowSize {
        changes: window.changes as u64,
        bytes: window.bytes() as u64,
    };
    let (server, pipeline) = (Arc::clone(server), pipeline.clone());
    // The log takes windows in the order in which their futures reach its queue. Each future
    // reaches it at its first poll, for two reasons. The queue has room for all windows that may be
    // in flight. And tokio's budget of a task, which may delay any poll, does not apply here.
    let mut appending: Appending = Box::pin(unconstrained(async move {
        let appended = pipeline.append(window).await;
        match &appended {
            Ok(Appended { repeat: true, .. }) => server.published.repeated(),
            Ok(_) => server.published.durable(size),
            Err(_) => server.published.failed(),
        }
        drop(held);
        appended
    }));
    match poll_fn(|context| Poll::Ready(appending.as_mut().poll(context))).await {
        Poll::Ready(appended) => Box::pin(ready(appended)),
        Poll::Pending => appending,
    }
}

/// Answers each window once it is durable. The first error ends the call.
async fn answer(
    server: &LogServer,
    mut windows: mpsc::Receiver<Queued>,
    answers: &mpsc::Sender<Result<PublishResponse, Status>>,
) -> Result<(), Refusal> {
    while let Some(window) = windows.recv().await {
        let appended = window?.await?;
        let answer = PublishResponse {
            as_of: Some(server.as_of(appended.point())),
            repeat: appended.repeat,
        };
        match answers
            .send_timeout(Ok(answer), server.limits.stall_max)
            .await
        {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(slow_publisher(server.stall_ms()));
            }
        }
    }
    Ok(())
}
