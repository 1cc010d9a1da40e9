//! Counts every call and its time by its code, and writes a line for each slow one.
//!
//! The outermost layer: it sees refusals of the others too. A stream's time is until it begins.

use crate::observe::{
    facts::{Facts, WithFacts, with_facts},
    metrics::{Calls, InFlight},
};
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct ObserveLayer {
    calls: Arc<Calls>,
    /// A call that takes longer is slow; none when no call is.
    slow: Option<Duration>,
}

impl ObserveLayer {
    /// 0 of `slow_ms`: no call is slow.
    pub(crate) fn new(calls: Arc<Calls>, slow_ms: u64) -> Self {
        Self {
            calls,
            slow: (slow_ms > 0).then(|| Duration::from_millis(slow_ms)),
        }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = ObserveService<S>;

    fn layer(&self, inner: S) -> ObserveService<S> {
        ObserveService {
            layer: self.clone(),
            inner,
        }
    }
}

/// See [`ObserveLayer`].
#[derive(Clone, Debug)]
pub(crate) struct ObserveService<S> {
    layer: ObserveLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for ObserveService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Observed {
            in_flight: self.layer.calls.begin(request.uri().path()),
            slow: self.layer.slow,
            answer: with_facts(self.inner.call(request)),
        }
    }
}

pin_project! {
    /// A call on its way to its answer.
    pub(crate) struct Observed<F> {
        in_flight: InFlight,
        slow: Option<Duration>,
        #[pin]
        answer: WithFacts<F>,
    }

    impl<F> PinnedDrop for Observed<F> {
        /// Here and not with the answer: a call whose caller is gone gets its line too.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let (code, time) = this.in_flight.outcome();
            if this.slow.is_some_and(|slow| time > slow) {
                let facts = this.answer.take_value().unwrap_or_default();
                report(this.in_flight.name(), time, code, &facts);
            }
        }
    }
}

impl<F, E> Future for Observed<F>
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

fn report(rpc: &str, time: Duration, code: Code, facts: &Facts) {
    tracing::warn!(
        rpc,
        milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        ?code,
        viewer_id = facts.viewer_id.get(),
        member_id = facts.member_id.get(),
        edges = facts.edges(),
        as_of = facts.scn.get(),
        "slow request"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::facts;
    use std::{
        convert::Infallible,
        io::{self, Write},
        sync::{Mutex, PoisonError},
    };

    const PATH: &str = "/cloud.v1.NetworkService/GetDegrees";

    /// The lines that a call gets whose answer is `status`.
    async fn lines(slow: Option<Duration>, status: Option<Status>) -> String {
        let answer = move || {
            let status = status.clone();
            async move {
                tokio::task::yield_now().await;
                facts::named("viewer_id", 7);
                facts::visited(40);
                facts::visited(2);
                facts::answered_as_of(3);
                status.map_or_else(|| Response::new(Body::empty()), Status::into_http)
            }
        };
        lines_of(slow, answer).await
    }

    /// The same of a call that is answered so, whose caller has little patience.
    async fn lines_of<A: Future<Output = Response<Body>>>(
        slow: Option<Duration>,
        answer: impl Fn() -> A,
    ) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Lines(Arc::clone(&written));
        let log = tracing_subscriber::fmt().with_ansi(false);
        let log = log.with_writer(move || writer.clone()).finish();
        let _log = tracing::subscriber::set_default(log);
        let calls = Arc::new(Calls::new().unwrap());
        let answers = tower::service_fn(|_| {
            let answer = answer();
            async { Ok::<_, Infallible>(answer.await) }
        });
        let mut service = ObserveLayer { calls, slow }.layer(answers);
        let request = Request::builder().uri(PATH).body(Body::empty()).unwrap();
        let patience = Duration::from_millis(20);
        let _ = tokio::time::timeout(patience, service.call(request)).await;
        let written = written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(written.clone()).unwrap()
    }

    #[derive(Clone)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_slow_request_gets_one_line_with_what_is_known_of_it() {
        let line = lines(Some(Duration::ZERO), None).await;
        assert_eq!(line.lines().count(), 1, "{line}");
        for fact in [
            "cloud.v1.NetworkService/GetDegrees",
            "viewer_id=7",
            "edges=42",
            "as_of=3",
            "code=Ok",
        ] {
            assert!(line.contains(fact), "{fact} is not in {line}");
        }
        assert!(!line.contains("member_id"), "{line}");
        let line = lines(Some(Duration::ZERO), Some(Status::unavailable(""))).await;
        assert!(line.contains("code=Unavailable"), "{line}");
    }

    #[tokio::test]
    async fn a_request_whose_caller_is_gone_gets_one_with_what_was_visited_for_it() {
        let answer = || async {
            facts::visited(40);
            facts::visited_elsewhere(&Arc::new(500.into()));
            facts::visited_elsewhere(&Arc::new(2.into()));
            std::future::pending().await
        };
        let line = lines_of(Some(Duration::from_millis(1)), answer).await;
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains("code=Cancelled"), "{line}");
        assert!(line.contains("edges=542"), "{line}");
    }

    #[tokio::test]
    async fn a_quick_request_gets_none() {
        assert_eq!(lines(Some(Duration::from_secs(60)), None).await, "");
        assert_eq!(lines(None, None).await, "");
    }
}
