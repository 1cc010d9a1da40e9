//! The connections of a listener: HTTP/2 for gRPC, and HTTP/1.1 too on the admin listener.
//!
//! Every limit of hyper and h2 is stated. Tonic's own server does not allow that for all of them.
//! It also wraps each call in layers that this server has itself: deadlines, limits and errors.

use crate::limits;
use crate::{
    ServingLimits,
    listener::{Connection, Listener},
    undated,
};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt};

/// The protocols of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// HTTP/2, for gRPC.
    Http2,
    /// HTTP/2 for gRPC, and HTTP/1.1 for pages.
    Http1And2,
}

/// Serves `service` on every connection until `stopping` is cancelled.
///
/// Then it gives up the listener, answers the requests in flight to their end, and returns. If the
/// future is dropped, it cuts off all open connections.
pub(crate) async fn serve<S>(
    listener: Arc<Listener>,
    protocols: Protocols,
    limits: ServingLimits,
    service: S,
    stopping: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let builder = builder(protocols, &limits);
    let mut connections = JoinSet::new();
    loop {
        let connection = tokio::select! {
            connection = listener.accept() => connection,
            // Removes the tasks of connections that have ended.
            Some(_) = connections.join_next() => continue,
            () = stopping.cancelled() => break,
        };
        let (builder, service, stopping) = (builder.clone(), service.clone(), stopping.clone());
        let first_request = limits::FIRST_REQUEST_TIMEOUT;
        if protocols == Protocols::Http1And2 && undated::clock_is_before_1970() {
            connections.spawn(answer_undated(connection, builder, service, stopping));
        } else {
            connections.spawn(answer(
                connection,
                builder,
                service,
                first_request,
                stopping,
            ));
        }
    }
    // The service of a server that has stopped must not be kept by the loop.
    drop((listener, service));
    while connections.join_next().await.is_some() {}
}

/// Answers one connection while the clock is before 1970, where hyper serves HTTP/2 alone.
async fn answer_undated<S>(
    mut connection: Connection,
    builder: Builder<TokioExecutor>,
    service: S,
    stopping: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    if undated::is_http2(&mut connection).await {
        let (builder, first_request) = (builder.http2_only(), limits::FIRST_REQUEST_TIMEOUT);
        answer(connection, builder, service, first_request, stopping).await;
    } else if let Err(error) = undated::answer(connection, service).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers one connection until its caller or `stopping` ends it. It also ends if no request has
/// come within `first_request`.
async fn answer<S>(
    connection: Connection,
    builder: Builder<TokioExecutor>,
    service: S,
    first_request: Duration,
    stopping: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let asked = Arc::new(AtomicBool::new(false));
    let asks = Arc::clone(&asked);
    let unanswered = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&unanswered);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        asks.store(true, Ordering::Relaxed);
        let answer = service.clone().oneshot(request.map(Body::new));
        let unanswered = Unanswered::new(&counts);
        async move {
            let answer = answer.await;
            drop(unanswered);
            answer
        }
    });
    let outgoing = connection.outgoing();
    let mut connection =
        std::pin::pin!(builder.serve_connection(TokioIo::new(connection), service));
    let mut first_request = std::pin::pin!(tokio::time::sleep(first_request));
    let mut waits_for_first = true;
    let mut is_stopping = false;
    let mut stops = std::pin::pin!(stopping.cancelled());
    let mut waited = false;
    let outcome = loop {
        let turn = std::future::poll_fn(|context| {
            let outcome = connection.as_mut().poll(context);
            let others = unanswered.load(Ordering::Relaxed) > 0 && !outgoing.is_empty();
            waited = outcome.is_pending() && others && !waited;
            if waited {
                // Other tasks get one turn, in which their answers may arrive. All are then sent as
                // one.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match outgoing.poll_send(context) {
                Poll::Ready(Err(error)) if outcome.is_pending() => Poll::Ready(Err(error.into())),
                _ => outcome,
            }
        });
        tokio::select! {
            outcome = turn => break outcome,
            () = stops.as_mut(), if !is_stopping => {
                connection.as_mut().graceful_shutdown();
                is_stopping = true;
            }
            () = first_request.as_mut(), if waits_for_first => {
                waits_for_first = false;
                if !asked.load(Ordering::Relaxed) {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(error, "a connection broke");
    }
}

/// A request that has no answer yet.
struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the settings of a connection. Answers carry no `Date`: hyper panics when it formats a
/// time before 1970, and a wrong clock must not end the process (`undated.rs` has the rest).
fn builder(protocols: Protocols, limits: &ServingLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if protocols == Protocols::Http2 {
        builder = builder.http2_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .header_read_timeout(limits::HTTP1_HEADER_TIMEOUT)
        .max_buf_size(limits::HEADER_BYTES_MAX as usize)
        .max_headers(limits::HTTP1_HEADERS_MAX)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(limits.concurrent_streams_max)
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .adaptive_window(false)
        .max_frame_size(limits::FRAME_BYTES_MAX)
        .max_send_buf_size(limits::STREAM_SEND_BYTES)
        .max_header_list_size(limits::HEADER_BYTES_MAX)
        .max_pending_accept_reset_streams(limits::RESET_STREAMS_MAX)
        .max_local_error_reset_streams(limits::LOCAL_ERROR_RESET_STREAMS_MAX)
        .keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(limits::KEEP_ALIVE_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    #[tokio::test]
    async fn a_connection_without_a_request_is_told_to_go_away() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let mut caller = TcpStream::connect(listener.address()).await.unwrap();
        let none = tower::service_fn(async |_| Ok::<_, Infallible>(Response::new(Body::empty())));
        let answers = answer(
            listener.accept().await,
            builder(Protocols::Http2, &ServingLimits::default()),
            none,
            Duration::from_millis(50),
            CancellationToken::new(),
        );
        // The HTTP/2 preface, and an empty SETTINGS frame.
        let opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let hears = async {
            caller.write_all(opening).await.unwrap();
            while kind_of_frame(&mut caller).await != GOAWAY {}
            // The connection does not wait for a caller that no longer answers.
            drop(caller);
        };
        tokio::join!(hears, answers);
    }

    const GOAWAY: u8 = 7;

    /// Reads a frame and returns its type.
    async fn kind_of_frame(stream: &mut TcpStream) -> u8 {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let [high, middle, low, kind, ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        kind
    }
}
