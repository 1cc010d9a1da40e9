//! Counts every call and its time by its code, and writes a line for each slow one.
//!
//! The outermost layer: it sees refusals of the others too. A stream's time is until it begins.
//!
//! A server notes facts of a request while it answers, in a value of the request's task. They
//! stand in the line of a slow request. So a fact is noted where it is known, without being handed
//! through and without an allocation.

use crate::metrics::{Calls, InFlight};
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::task::{LocalKey, futures::TaskLocalFuture};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

/// A call that took longer than calls should.
#[derive(Clone, Copy, Debug)]
pub struct SlowCall<'a> {
    /// The method, as in `cloud.v1.NetworkService/GetDegrees`.
    pub rpc: &'a str,
    /// The time to its answer.
    pub milliseconds: u64,
    /// How it ended.
    pub code: Code,
}

/// Counts calls, and reports the slow ones with the facts `T` that the server notes.
#[derive(Debug)]
pub struct ObserveLayer<T: 'static> {
    calls: Arc<Calls>,
    slow: Slow<T>,
}

/// Which calls are slow, and how they are reported.
#[derive(Debug)]
struct Slow<T: 'static> {
    /// A call that takes longer is slow; `None` when no call is.
    over: Option<Duration>,
    facts: &'static LocalKey<T>,
    report: fn(SlowCall<'_>, &T),
}

impl<T> ObserveLayer<T> {
    /// Counts in `calls`. A call that takes longer than `over` is reported, with the facts that
    /// stand in `facts`.
    pub fn new(
        calls: Arc<Calls>,
        over: Option<Duration>,
        facts: &'static LocalKey<T>,
        report: fn(SlowCall<'_>, &T),
    ) -> Self {
        let slow = Slow {
            over,
            facts,
            report,
        };
        Self { calls, slow }
    }
}

tokio::task_local! {
    static NO_FACTS: ();
}

impl ObserveLayer<()> {
    /// Counts in `calls`, and reports a call that takes longer than `over`, without facts.
    pub fn without_facts(calls: Arc<Calls>, over: Option<Duration>) -> Self {
        Self::new(calls, over, &NO_FACTS, |call, ()| {
            let SlowCall {
                rpc,
                milliseconds,
                code,
            } = call;
            tracing::warn!(rpc, milliseconds, ?code, "slow request");
        })
    }
}

impl<T> Clone for ObserveLayer<T> {
    fn clone(&self) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            slow: self.slow,
        }
    }
}

impl<T> Clone for Slow<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slow<T> {}

impl<S, T> Layer<S> for ObserveLayer<T> {
    type Service = ObserveService<S, T>;

    fn layer(&self, inner: S) -> ObserveService<S, T> {
        ObserveService {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind an [`ObserveLayer`].
#[derive(Debug)]
pub struct ObserveService<S, T: 'static> {
    layer: ObserveLayer<T>,
    inner: S,
}

impl<S: Clone, T> Clone for ObserveService<S, T> {
    fn clone(&self) -> Self {
        Self {
            layer: self.layer.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<S, T: Default> Service<Request<Body>> for ObserveService<S, T>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Observed<S::Future, T>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ObserveLayer { calls, slow } = &self.layer;
        Observed {
            in_flight: calls.begin(request.uri().path()),
            slow: *slow,
            answer: slow.facts.scope(T::default(), self.inner.call(request)),
        }
    }
}

pin_project! {
    /// A call on its way to its answer.
    pub struct Observed<F, T: 'static> {
        in_flight: InFlight,
        slow: Slow<T>,
        #[pin]
        answer: TaskLocalFuture<T, F>,
    }

    impl<F, T: 'static> PinnedDrop for Observed<F, T> {
        /// Reports here and not with the answer: a call whose caller is gone gets its line too.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let (code, time) = this.in_flight.outcome();
            if this.slow.over.is_some_and(|over| time > over)
                && let Some(facts) = this.answer.take_value()
            {
                let call = SlowCall {
                    rpc: this.in_flight.name(),
                    milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                    code,
                };
                (this.slow.report)(call, &facts);
            }
        }
    }
}

impl<F, T, E> Future for Observed<F, T>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let answer = ready!(this.answer.as_mut().poll(context))?;
        // What goes well says so behind its message.
        let code = answer
            .headers()
            .get(Status::GRPC_STATUS)
            .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        this.in_flight.answered(code);
        Poll::Ready(Ok(answer))
    }
}
