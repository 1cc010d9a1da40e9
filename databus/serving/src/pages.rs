//! The HTTP pages of the admin listener: `/livez`, `/readyz` and `/metrics`.
//!
//! The first two are for supervisors, `/metrics` is for Prometheus.
//!
//! The pages are answered outside the limit of requests in flight, so that an overloaded server
//! still reports that it lives.

use crate::{Refusal, limits::SCRAPES_IN_FLIGHT_MAX};
use axum::{
    Router,
    response::IntoResponse,
    routing::{future::RouteFuture, get},
};
use http::{Method, Request, Response, StatusCode, Version, header::CONTENT_TYPE};
use pin_project_lite::pin_project;
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tower::Service;

/// Returns the pages of a server: `serving` answers `/readyz`, and `metrics` makes the page of
/// metrics.
///
/// `serving` returns a refusal if the server does not serve. If it serves, it may return a line
/// about a part that it does not serve.
///
/// `metrics` runs on a thread that may wait for files.
pub fn pages(
    serving: impl Fn() -> Result<Option<String>, Refusal> + Clone + Send + Sync + 'static,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Router {
    let scrapes = Arc::new(Semaphore::new(SCRAPES_IN_FLIGHT_MAX));
    let ready = move || std::future::ready(readiness(serving()));
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(move || scrape(Arc::clone(&scrapes), metrics.clone())),
        )
}

/// Returns the status that says whether reads may be sent to this server. The text says why not, or
/// which part is missing.
fn readiness(serving: Result<Option<String>, Refusal>) -> (StatusCode, String) {
    match serving {
        Ok(None) => (StatusCode::OK, "ok\n".to_owned()),
        Ok(Some(missing)) => (StatusCode::OK, format!("ok\n{missing}\n")),
        Err(refusal) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", refusal.why()),
        ),
    }
}

/// The content type of the text format of Prometheus.
const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

async fn scrape(
    scrapes: Arc<Semaphore>,
    metrics: impl Fn() -> String + Send + 'static,
) -> Result<impl IntoResponse, (StatusCode, String)> {
    let unavailable = |reason: String| (StatusCode::SERVICE_UNAVAILABLE, reason);
    let Ok(place) = scrapes.try_acquire_owned() else {
        return Err(unavailable(format!(
            "at most {SCRAPES_IN_FLIGHT_MAX} at a time\n"
        )));
    };
    let page = tokio::task::spawn_blocking(move || {
        let page = metrics();
        drop(place);
        page
    });
    match page.await {
        Ok(page) => Ok(([(CONTENT_TYPE, METRICS_CONTENT_TYPE)], page)),
        Err(error) => Err(unavailable(format!("{error}\n"))),
    }
}

/// A service that passes gRPC requests to one service, and other requests to the pages.
///
/// A POST that is not gRPC, and any such request without pages, is answered with HTTP 415.
#[derive(Clone)]
pub(crate) struct RpcOrPages<S> {
    pub(crate) rpc: S,
    pub(crate) pages: Option<Router>,
}

impl<S> Service<Request<Body>> for RpcOrPages<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = RpcOrPage<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The pages are always ready.
        self.rpc.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_rpc(&request) {
            let answer = self.rpc.call(request);
            return RpcOrPage::Rpc { answer };
        }
        match &mut self.pages {
            Some(pages) if request.method() != Method::POST => {
                let answer = pages.call(request);
                RpcOrPage::Page { answer }
            }
            _ => RpcOrPage::Refused,
        }
    }
}

pin_project! {
    /// The future of an answer.
    #[project = RpcOrPageProjection]
    pub(crate) enum RpcOrPage<F> {
        Rpc {
            #[pin]
            answer: F,
        },
        Page {
            #[pin]
            answer: RouteFuture<Infallible>,
        },
        Refused,
    }
}

impl<F> Future for RpcOrPage<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            RpcOrPageProjection::Rpc { answer } => answer.poll(context),
            RpcOrPageProjection::Page { answer } => {
                let answer = ready!(answer.poll(context))?;
                Poll::Ready(Ok(answer.map(Body::new)))
            }
            RpcOrPageProjection::Refused => Poll::Ready(Ok(unsupported_media_type())),
        }
    }
}

/// Returns whether a request is gRPC, which runs over HTTP/2 only.
fn is_rpc<B>(request: &Request<B>) -> bool {
    let content = request.headers().get(CONTENT_TYPE);
    request.version() == Version::HTTP_2
        && content.is_some_and(|content| is_grpc(content.as_bytes()))
}

/// Returns whether a content type is gRPC with messages of Protocol Buffers. gRPC-Web and JSON
/// are others.
fn is_grpc(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    GRPC_CONTENT_TYPES
        .iter()
        .any(|grpc| essence.eq_ignore_ascii_case(grpc))
}

/// The content types of gRPC with messages of Protocol Buffers.
const GRPC_CONTENT_TYPES: [&[u8]; 2] = [b"application/grpc", b"application/grpc+proto"];

/// Returns the answer to a request in another content type, as the gRPC protocol demands it.
fn unsupported_media_type() -> Response<Body> {
    const WHY: &str = "calls are gRPC: HTTP/2, POST, content-type application/grpc\n";
    let answer = (StatusCode::UNSUPPORTED_MEDIA_TYPE, WHY).into_response();
    answer.map(Body::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_not_serve_says_why() {
        let (status, text) = readiness(Err(Refusal::not_serving("the log is damaged")));
        assert_eq!(
            (status.as_u16(), text.as_str()),
            (503, "the log is damaged\n")
        );
        let ok = (StatusCode::OK, "ok\n".to_owned());
        assert_eq!(readiness(Ok(None)), ok);
    }

    #[test]
    fn a_server_without_a_part_is_ready_and_says_so() {
        let (status, text) = readiness(Ok(Some("not serving search".to_owned())));
        let said = "ok\nnot serving search\n";
        assert_eq!((status.as_u16(), text.as_str()), (200, said));
    }

    #[test]
    fn only_grpc_over_http2_is_a_call() {
        let check = |version, content: Option<&str>, expected| {
            let request = Request::builder().version(version);
            let request = match content {
                Some(content) => request.header(CONTENT_TYPE, content),
                None => request,
            };
            assert_eq!(is_rpc(&request.body(()).unwrap()), expected);
        };
        check(Version::HTTP_2, Some("application/grpc"), true);
        check(Version::HTTP_2, Some("application/grpc+proto"), true);
        check(
            Version::HTTP_2,
            Some("Application/GRPC; charset=utf-8"),
            true,
        );
        check(Version::HTTP_2, Some("application/grpc-web"), false);
        check(Version::HTTP_2, Some("application/grpc+json"), false);
        check(Version::HTTP_2, Some("text/html"), false);
        check(Version::HTTP_2, None, false);
        check(Version::HTTP_11, Some("application/grpc"), false);
    }
}
