//! Gives the errors that tonic itself returns the codes and details of the server's own errors.
//!
//! Tonic answers before a service is called, always without details:
//!
//! - INTERNAL for a message that cannot be decoded,
//! - OUT_OF_RANGE for one that is too large,
//! - UNIMPLEMENTED for a method that does not exist,
//! - NOT_FOUND for the health of a service that is not known.
//!
//! The server's own errors always have details.

use crate::Refusal;
use crate::limits::REQUEST_BYTES_MAX;
use http::{Request, Response};
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
/// server returned, and for any other code.
pub fn refusal_of_tonic(status: &Status) -> Option<Refusal> {
    if !status.details().is_empty() {
        return None;
    }
    match (status.code(), status.message()) {
        (Code::Internal, why) => Some(Refusal::malformed(why)),
        (Code::OutOfRange, _) => Some(Refusal::request_too_large(REQUEST_BYTES_MAX as u64)),
        (Code::NotFound, why) => Some(Refusal::not_found(why)),
        (Code::Unimplemented, "") => Some(Refusal::unimplemented("there is no such method")),
        (Code::Unimplemented, why) => Some(Refusal::unimplemented(why)),
        _ => None,
    }
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
        let answer = ready!(self.project().answer.poll(context))?;
        let refusal =
            Status::from_header_map(answer.headers()).and_then(|status| refusal_of_tonic(&status));
        Poll::Ready(Ok(match refusal {
            Some(refusal) => Status::from(refusal).into_http(),
            None => answer,
        }))
    }
}
