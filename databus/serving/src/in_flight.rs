//! Limits how many requests are answered at a time, over all connections of both listeners.
//!
//! A stream counts until it has begun; from then on the limits of its own call apply. Health checks
//! and reflection always pass, so that an overloaded server can still report its state.

use crate::Refusal;
use http::{Request, Response};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::Semaphore;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

/// A layer that rejects requests beyond a number in flight.
#[derive(Clone, Debug)]
pub struct InFlightLayer {
    places: Arc<Semaphore>,
    max: usize,
}

impl InFlightLayer {
    /// Allows at most `max` requests at a time. Clones share the limit.
    pub fn new(max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max)),
            max,
        }
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlightService<S>;

    fn layer(&self, inner: S) -> InFlightService<S> {
        InFlightService {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind an [`InFlightLayer`].
#[derive(Clone, Debug)]
pub struct InFlightService<S> {
    layer: InFlightLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for InFlightService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path().starts_with("/grpc.") {
            return Box::pin(self.inner.call(request));
        }
        let Ok(place) = Arc::clone(&self.layer.places).try_acquire_owned() else {
            let refusal = Refusal::busy("requests", self.layer.max as u64);
            return Box::pin(async { Ok(Status::from(refusal).into_http()) });
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(place);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_over_the_limit_are_refused_and_health_checks_pass() {
        let answers = tower::service_fn(|_| async {
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        });
        let mut service = InFlightLayer::new(0).layer(answers);
        let request = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
        let refused = service
            .call(request("/cloud.v1.NetworkService/GetDegrees"))
            .await
            .unwrap();
        assert_eq!(refused.headers()["grpc-status"], "8");
        let passed = service
            .call(request("/grpc.health.v1.Health/Check"))
            .await
            .unwrap();
        assert!(!passed.headers().contains_key("grpc-status"));
    }
}
