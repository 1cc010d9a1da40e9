//! Counts every call and its time by its code, and writes a log line for each slow call.
//!
//! This is the outermost layer, so it also sees the refusals of the other layers. The time of a
//! stream is the time until it begins.
//!
//! A server notes facts about a request while it answers, in a task-local value. The line of a slow
//! request contains them. A fact is noted where it is known, without passing it through calls and
//! without an allocation.

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

/// A call that took longer than the threshold.
#[derive(Clone, Copy, Debug)]
pub struct SlowCall<'a> {
    /// The method, as in `cloud.v1.NetworkService/GetDegrees`.
    pub rpc: &'a str,
    /// The time to its answer.
    pub milliseconds: u64,
    /// The code with which the call ended.
    pub code: Code,
}

/// A layer that counts calls, and reports the slow ones with the facts `T` that the server notes.
#[derive(Debug)]
pub struct ObserveLayer<T: 'static> {
    calls: Arc<Calls>,
    slow: Slow<T>,
}

/// The threshold of slow calls, and the way in which they are reported.
#[derive(Debug)]
struct Slow<T: 'static> {
    /// The time above which a call is slow; `None` if no call is.
    over: Option<Duration>,
    facts: &'static LocalKey<T>,
    report: fn(SlowCall<'_>, &T),
}

impl<T> ObserveLayer<T> {
    /// Returns the counts.
    pub(crate) fn calls(&self) -> Arc<Calls> {
        Arc::clone(&self.calls)
    }

    /// Counts in `calls`. A call that takes longer than `over` is passed to `report`, with the
    /// facts that are noted in `facts`.
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
    /// Counts in `calls`, and logs a call that takes longer than `over`, without facts.
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
    /// The future of a call and its answer.
    pub struct Observed<F, T: 'static> {
        in_flight: InFlight,
        slow: Slow<T>,
        #[pin]
        answer: TaskLocalFuture<T, F>,
    }

    impl<F, T: 'static> PinnedDrop for Observed<F, T> {
        /// Reports on drop and not with the answer, so that a call whose caller has gone is
        /// reported too.
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
        // A successful answer has its status in the trailers, behind its message. Only errors have
        // it here.
        let code = answer
            .headers()
            .get(Status::GRPC_STATUS)
            .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        this.in_flight.answered(code);
        Poll::Ready(Ok(answer))
    }
}
