//! Subscribe: streams the windows above an SCN, and then every later one.
//!
//! Each subscription has a task that reads the log a few parts ahead of the caller. It reads on a
//! blocking thread, because that is file work. A caller that reads nothing for a while is cut off
//! with the SCN to resume after. Its parts are not buffered any further.

use super::{
    LogServer,
    kinds::Kinds,
    refusals::{other_history, other_log, slow_subscriber},
    sent_scns::SentScn,
};
use crate::{
    LogReader, ReadError,
    limits::{HEARTBEAT_INTERVAL, SUBSCRIPTION_PARTS_MAX},
};
use cloud_model::{History, LogPoint, Scn};
use cloud_proto::databus::v1::{
    Heartbeat, SubscribeRequest, SubscribeResponse, WindowPart, subscribe_response::Event,
};
use cloud_serving::{Deadline, Refusal};
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

/// The stream of events to the caller.
pub type Events = ReceiverStream<Result<SubscribeResponse, Status>>;

/// Serves a Subscribe call: streams the windows after an SCN, and every later one.
pub async fn subscribe(
    server: &Arc<LogServer>,
    request: Request<SubscribeRequest>,
) -> Result<Events, Refusal> {
    let deadline = Deadline::of(&request).stated();
    let SubscribeRequest {
        after_scn,
        kinds,
        log_id,
        after_history,
    } = request.into_inner();
    if !log_id.is_empty() && log_id != server.log_id {
        return Err(other_log(&server.log_id, &log_id));
    }
    let after = LogPoint {
        scn: Scn::new(after_scn),
        history: History::new(after_history),
    };
    let kinds = Kinds::new(&kinds)?;
    let limit = server.limits.subscriptions_max as u64;
    let place = Arc::clone(&server.subscriptions).try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy("subscriptions", limit))?;
    let log = server.log.clone();
    let reader = blocking(move || log.read_after(after.scn)).await??;
    if reader.point().differs(&after) {
        return Err(other_history(&server.log_id, reader.point(), after));
    }
    let (events, receiver) = mpsc::channel(SUBSCRIPTION_PARTS_MAX + 1);
    // The last place is kept free for the error that ends the call. The other places may be full of
    // events that the caller has not read.
    let ended = |_| Refusal::internal("the subscription ended before it began");
    let end = events.clone().reserve_owned().await.map_err(ended)?;
    let subscription = Subscription {
        events,
        sent_scn: server.sent_scns.begin(after.scn),
        kinds,
        server: Arc::clone(server),
        _place: place,
    };
    tokio::spawn(subscription.run(reader, deadline, end));
    Ok(ReceiverStream::new(receiver))
}

type LastPlace = mpsc::OwnedPermit<Result<SubscribeResponse, Status>>;

struct Subscription {
    server: Arc<LogServer>,
    events: mpsc::Sender<Result<SubscribeResponse, Status>>,
    kinds: Kinds,
    /// The SCN of the last window whose every part was sent.
    sent_scn: SentScn,
    _place: OwnedSemaphorePermit,
}

/// The reason why a subscription ends: the caller has gone away, or gets an error.
enum End {
    Gone,
    Refused(Refusal),
}

impl Subscription {
    async fn run(
        mut self,
        reader: LogReader,
        deadline: Option<std::time::Instant>,
        last: LastPlace,
    ) {
        let stopping = self.server.stopping.clone();
        let expires = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            end = self.follow(reader) => end,
            () = stopping.cancelled() => End::Refused(Refusal::shutting_down()),
            () = expires => End::Refused(Refusal::deadline()),
        };
        if let End::Refused(refusal) = end {
            last.send(Err(refusal.into()));
        }
    }

    async fn follow(&mut self, mut reader: LogReader) -> End {
        let mut head = self.server.log.head_watch();
        let mut heartbeat_at = Instant::now();
        loop {
            if Instant::now() >= heartbeat_at {
                heartbeat_at = Instant::now() + HEARTBEAT_INTERVAL;
                let head = self.server.as_of(self.server.log.head_point());
                if let Err(end) = self
                    .send(Event::Heartbeat(Heartbeat { head: Some(head) }))
                    .await
                {
                    return end;
                }
            }
            // The head is marked as seen before the log is read. A window that becomes durable in
            // between then ends the wait below.
            head.mark_unchanged();
            let read = blocking(move || read_ahead(reader)).await;
            let (parts, rest) = match read {
                Ok(Ok(read)) => read,
                Ok(Err(error)) => return End::Refused(error.into()),
                Err(refusal) => return End::Refused(refusal),
            };
            reader = rest;
            if parts.is_empty() {
                tokio::select! {
                    changed = head.changed() => if changed.is_err() {
                        return End::Refused(Refusal::not_serving("the log is closed"));
                    },
                    () = tokio::time::sleep_until(heartbeat_at) => {}
                }
                continue;
            }
            for part in parts {
                let (scn, last) = (part.scn, part.last);
                if let Some(part) = self.kinds.filter(part)
                    && let Err(end) = self.send(Event::Part(part)).await
                {
                    return end;
                }
                if last {
                    self.sent_scn.set(Scn::new(scn));
                }
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        let event = Ok(SubscribeResponse {
            event: Some(event),
            previous_scn: self.sent_scn.get().get(),
        });
        self.events
            .send_timeout(event, self.server.limits.stall_max)
            .await
            .map_err(|error| match error {
                mpsc::error::SendTimeoutError::Closed(_) => End::Gone,
                mpsc::error::SendTimeoutError::Timeout(_) => {
                    End::Refused(slow_subscriber(self.server.stall_ms(), self.sent_scn.get()))
                }
            })
    }
}

/// Reads the next parts that are there, at most [`SUBSCRIPTION_PARTS_MAX`].
fn read_ahead(mut reader: LogReader) -> Result<(Vec<WindowPart>, LogReader), ReadError> {
    let mut parts = Vec::new();
    while parts.len() < SUBSCRIPTION_PARTS_MAX {
        match reader.next_part()? {
            Some(part) => parts.push(part),
            None => break,
        }
    }
    Ok((parts, reader))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let ended = |error| Refusal::internal(format!("reading the log: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(ended)
}
