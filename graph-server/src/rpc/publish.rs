//! Here are windows: make them durable, and tell me where each stands.
//!
//! Reading and answering go on side by side, so that one caller's windows share the log's group commit; a bounded queue of
//! windows between the two keeps the answers in order.

use crate::{deadline::Deadline, limits::WINDOWS_IN_FLIGHT_MAX, refusal::Refusal, site::Site};
use cloud_proto::databus::v1::{PublishRequest, PublishResponse};
use databus::{AppendError, Appended, WindowAssembler};
use std::{
    future::{poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::Poll,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming};

/// What the caller reads from.
pub(crate) type Answers = ReceiverStream<Result<PublishResponse, Status>>;

type Appending = Pin<Box<dyn Future<Output = Result<Appended, AppendError>> + Send>>;

pub(crate) fn publish(
    site: &Arc<Site>,
    request: Request<Streaming<PublishRequest>>,
) -> Result<Answers, Refusal> {
    let limit = site.limits.publishers_max as u64;
    let place = Arc::clone(&site.publishers).try_acquire_owned();
    let place = place.map_err(|_| Refusal::Busy {
        what: "Publish calls",
        limit,
    })?;
    let deadline = Deadline::of(&request).stated();
    let parts = request.into_inner();
    let (queue, windows) = mpsc::channel(WINDOWS_IN_FLIGHT_MAX);
    let (answers, receiver) = mpsc::channel(WINDOWS_IN_FLIGHT_MAX);
    let reader = Arc::clone(site);
    tokio::spawn(async move {
        let expires = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            outcome = read(&reader, parts, &queue) => outcome,
            () = reader.stopping.cancelled() => Err(Refusal::NotServing { reason: "shutting down".to_owned() }),
            () = expires => Err(Refusal::Deadline),
        };
        if let Err(refusal) = outcome {
            // The other side ended first when it had an error to tell.
            let _ = queue.send(Err(refusal)).await;
        }
        drop(place);
    });
    tokio::spawn(answer(Arc::clone(site), windows, answers));
    Ok(ReceiverStream::new(receiver))
}

/// Hands the windows to the log in their order, until the caller has no more.
async fn read(
    site: &Site,
    mut parts: Streaming<PublishRequest>,
    queue: &mpsc::Sender<Result<Appending, Refusal>>,
) -> Result<(), Refusal> {
    let mut assembler = WindowAssembler::new(site.log.window_limits());
    let pipeline = site.log.pipeline();
    // A caller that breaks the call off has published what was whole before.
    while let Ok(Some(PublishRequest { part })) = parts.message().await {
        let part = part.ok_or_else(|| Refusal::field("part", "is missing"))?;
        let Some(window) = assembler.push(part)? else {
            continue;
        };
        site.check_serving()?;
        let Ok(place) = queue.reserve().await else {
            return Ok(());
        };
        let pipeline = pipeline.clone();
        place.send(Ok(begun(async move { pipeline.append(window).await }).await));
    }
    Ok(assembler.finish()?)
}

/// Polls once: a pipeline's windows stand in the order of their first polls.
async fn begun(
    appending: impl Future<Output = Result<Appended, AppendError>> + Send + 'static,
) -> Appending {
    let mut appending: Appending = Box::pin(appending);
    match poll_fn(|context| Poll::Ready(appending.as_mut().poll(context))).await {
        Poll::Ready(appended) => Box::pin(ready(appended)),
        Poll::Pending => appending,
    }
}

/// Answers each window once it is durable; the first that is not ends the call.
async fn answer(
    site: Arc<Site>,
    mut windows: mpsc::Receiver<Result<Appending, Refusal>>,
    answers: mpsc::Sender<Result<PublishResponse, Status>>,
) {
    while let Some(window) = windows.recv().await {
        let appended = match window {
            Ok(appending) => appending.await.map_err(Refusal::from),
            Err(refusal) => Err(refusal),
        };
        let answer = appended.map(|Appended { scn, repeat }| PublishResponse {
            as_of: Some(site.progress.as_of(scn)),
            repeat,
        });
        let ended = answer.is_err();
        if answers.send(answer.map_err(Status::from)).await.is_err() || ended {
            return;
        }
    }
}
