//! Gives the errors that tonic itself returns the codes and details of the server's own errors.
//!
//! Tonic refuses a request before a service is called, and an answer after it. Its errors never
//! have details; the server's own errors always do. An error of a call that has not begun stands in
//! the headers of the answer, one of a stream in the trailers.

use crate::{
    Refusal,
    limits::{ANSWER_BYTES_MAX, REQUEST_BYTES_MAX},
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

/// A layer that adds details to errors that have none.
#[derive(Clone, Copy, Debug)]
pub struct TonicErrorsLayer;

/// Returns the refusal for a status of tonic's own. `None` for a status with details, which the
/// server returned, and where the caller cancelled the call.
pub fn refusal_of_tonic(status: &Status) -> Option<Refusal> {
    if !status.details().is_empty() {
        return None;
    }
    let why = status.message();
    let request_too_large = || Refusal::request_too_large(REQUEST_BYTES_MAX as u64);
    let answer_too_large = || Refusal::answer_too_large(ANSWER_BYTES_MAX as u64);
    Some(match status.code() {
        Code::Ok | Code::Cancelled => return None,
        Code::Internal if starts_with_one_of(why, &BROKEN_FRAMES) => Refusal::protocol_error(why),
        Code::Internal if starts_with_one_of(why, &UNREADABLE) => Refusal::malformed(why),
        Code::InvalidArgument => Refusal::malformed(why),
        Code::OutOfRange if why.contains("encoded message") => answer_too_large(),
        Code::OutOfRange | Code::ResourceExhausted => request_too_large(),
        Code::NotFound => Refusal::not_found(why),
        Code::Unimplemented if why.is_empty() => Refusal::unknown_method(),
        Code::Unimplemented => Refusal::unsupported_encoding(why),
        Code::Unavailable => Refusal::not_serving(why),
        Code::DeadlineExceeded => Refusal::deadline(),
        _ => Refusal::internal(why),
    })
}

/// The first words of tonic's messages about frames that break the protocol.
const BROKEN_FRAMES: [&str; 2] = ["protocol error", "Error decompressing"];
/// The first words of tonic's messages about requests that it cannot read.
const UNREADABLE: [&str; 3] = [
    "failed to decode Protobuf message",
    "Missing request message",
    "Unexpected EOF",
];

fn starts_with_one_of(text: &str, beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

impl<S> Layer<S> for TonicErrorsLayer {
    type Service = TonicErrorsService<S>;

    fn layer(&self, inner: S) -> TonicErrorsService<S> {
        TonicErrorsService { inner }
    }
}

/// A service behind a [`TonicErrorsLayer`].
#[derive(Clone, Debug)]
pub struct TonicErrorsService<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for TonicErrorsService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Detailed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Detailed {
            answer: self.inner.call(request),
        }
    }
}

pin_project! {
    /// The future of an answer. An error gets its details.
    pub struct Detailed<F> {
        #[pin]
        answer: F,
    }
}

impl<F, E> Future for Detailed<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = ready!(self.project().answer.poll(context))?;
        let has_status = answer.headers().contains_key(Status::GRPC_STATUS);
        add_details(answer.headers_mut());
        Poll::Ready(Ok(if has_status {
            answer
        } else {
            answer.map(|body| Body::new(DetailedBody { body }))
        }))
    }
}

/// The body of an answer. An error in its trailers gets its details.
struct DetailedBody {
    body: Body,
}

impl HttpBody for DetailedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            add_details(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Replaces a status without details by the one of its refusal. All other headers stay.
fn add_details(headers: &mut HeaderMap) {
    let Some(status) = Status::from_header_map(headers) else {
        return;
    };
    let cancelled = || {
        let is_bare = status.code() == Code::Cancelled && status.details().is_empty();
        is_bare.then(|| Refusal::cancelled(status.message()))
    };
    let Some(refusal) = refusal_of_tonic(&status).or_else(cancelled) else {
        return;
    };
    let detailed = Status::from(refusal).into_http::<()>();
    headers.remove(Status::GRPC_MESSAGE);
    for name in [
        Status::GRPC_STATUS,
        Status::GRPC_MESSAGE,
        Status::GRPC_STATUS_DETAILS,
    ] {
        if let Some(value) = detailed.headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Status, reason: &str) {
        let refusal = refusal_of_tonic(&status).unwrap();
        assert!(refusal.is(reason), "{status:?}: {refusal:?}");
    }

    #[test]
    fn each_error_of_tonic_has_a_reason() {
        let flag = "protocol error: received message with compressed-flag but no grpc-encoding was";
        check(Status::internal(flag), "PROTOCOL_ERROR");
        check(
            Status::internal("Error decompressing: corrupt"),
            "PROTOCOL_ERROR",
        );
        check(Status::internal("Missing request message."), "MALFORMED");
        check(Status::internal("Error encoding: no"), "INTERNAL");
        check(
            Status::out_of_range("Error, decoded message length too large"),
            "REQUEST_TOO_LARGE",
        );
        check(
            Status::out_of_range("Error, encoded message length too large"),
            "ANSWER_TOO_LARGE",
        );
        check(
            Status::resource_exhausted("Error decompressing: size limit"),
            "REQUEST_TOO_LARGE",
        );
        check(Status::unimplemented(""), "UNKNOWN_METHOD");
        check(
            Status::unimplemented("compressed with `br`"),
            "UNSUPPORTED_ENCODING",
        );
        check(Status::not_found("no symbol"), "NOT_FOUND");
        check(Status::unknown("why"), "INTERNAL");
        check(Status::unavailable("why"), "NOT_SERVING");
    }

    #[test]
    fn an_error_with_details_stays() {
        assert_eq!(refusal_of_tonic(&Refusal::deadline().into()), None);
    }

    #[test]
    fn other_headers_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(Status::GRPC_STATUS, "12".parse().unwrap());
        headers.insert("grpc-accept-encoding", "gzip".parse().unwrap());
        add_details(&mut headers);
        assert!(headers.contains_key(Status::GRPC_STATUS_DETAILS));
        assert_eq!(headers["grpc-accept-encoding"], "gzip");
    }
}
