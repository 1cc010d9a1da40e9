//! Ends health and reflection calls on which nothing was sent for a time.
//!
//! Both are streams without a deadline, and their number is not limited. A caller that has gone
//! away without closing its connection would hold one for as long as the server runs.

use crate::Refusal;
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as _, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

/// A layer that ends idle calls of the services `grpc.*`, with UNAVAILABLE: the caller opens
/// another one.
#[derive(Clone, Copy, Debug)]
pub struct IdleLayer {
    idle_max: Duration,
}

impl IdleLayer {
    /// Ends calls on which nothing was sent for `idle_max`.
    pub fn new(idle_max: Duration) -> Self {
        Self { idle_max }
    }
}

impl<S> Layer<S> for IdleLayer {
    type Service = IdleService<S>;

    fn layer(&self, inner: S) -> IdleService<S> {
        let layer = *self;
        IdleService { layer, inner }
    }
}

/// A service behind an [`IdleLayer`].
#[derive(Clone, Debug)]
pub struct IdleService<S> {
    layer: IdleLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for IdleService<S>
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
        let is_bounded = request.uri().path().starts_with("/grpc.");
        let answer = self.inner.call(request);
        if !is_bounded {
            return Box::pin(answer);
        }
        let idle_max = self.layer.idle_max;
        Box::pin(async move {
            Ok(answer.await?.map(|body| {
                // An error is an answer without a body: its status stands in the headers.
                if body.is_end_stream() {
                    body
                } else {
                    bounded(body, idle_max)
                }
            }))
        })
    }
}

fn bounded(body: Body, idle_max: Duration) -> Body {
    Body::new(IdleBody {
        body,
        idle_max,
        idle: Box::pin(sleep(idle_max)),
        has_ended: false,
    })
}

/// A body that ends once nothing was sent for a time.
struct IdleBody {
    body: Body,
    idle_max: Duration,
    idle: Pin<Box<Sleep>>,
    has_ended: bool,
}

impl hyper::body::Body for IdleBody {
    type Data = bytes::Bytes;
    type Error = Status;

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream()
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let idle_max = self.idle_max;
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.idle.as_mut().reset(Instant::now() + idle_max);
            return Poll::Ready(frame);
        }
        ready!(self.idle.as_mut().poll(context));
        self.has_ended = true;
        let mut trailers = HeaderMap::new();
        let status = Status::from(Refusal::idle(idle_max));
        Poll::Ready(Some(
            status
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::sync::mpsc;

    /// A body that sends what comes through a channel.
    struct Sent(mpsc::Receiver<&'static str>);

    impl hyper::body::Body for Sent {
        type Data = bytes::Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
            let sent = ready!(self.0.poll_recv(context));
            Poll::Ready(sent.map(|text| Ok(Frame::data(text.into()))))
        }
    }

    async fn next(body: &mut Body) -> Option<Frame<bytes::Bytes>> {
        poll_fn(|context| Pin::new(&mut *body).poll_frame(context))
            .await
            .map(Result::unwrap)
    }

    /// Returns the body of the answer to a call of `path`, where nothing may be idle, and the end
    /// that sends on it.
    async fn call(path: &str) -> (mpsc::Sender<&'static str>, Body) {
        let (sender, receiver) = mpsc::channel(1);
        let mut sent = Some(Body::new(Sent(receiver)));
        let answers = tower::service_fn(move |_| {
            let answer = Response::new(sent.take().unwrap());
            async { Ok::<_, std::convert::Infallible>(answer) }
        });
        let mut service = IdleLayer::new(Duration::ZERO).layer(answers);
        let request = Request::builder().uri(path).body(Body::empty());
        let answer = service.call(request.unwrap()).await;
        (sender, answer.unwrap().into_body())
    }

    #[tokio::test]
    async fn an_idle_health_check_ends_after_what_was_sent() {
        let (sender, mut body) = call("/grpc.health.v1.Health/Watch").await;
        sender.send("part").await.unwrap();
        assert!(next(&mut body).await.unwrap().is_data());
        let trailers = next(&mut body).await.unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "14");
        assert!(next(&mut body).await.is_none());
    }

    #[tokio::test]
    async fn other_calls_may_be_idle() {
        let (_sender, mut body) = call("/databus.v1.Databus/Subscribe").await;
        let polled =
            poll_fn(|context| Poll::Ready(Pin::new(&mut body).poll_frame(context).is_pending()));
        assert!(polled.await);
    }
}
