//! The facts of a request, for the line that a slow request gets in the log: its ids, SCN and cost.
//!
//! The facts are kept in the request's task: code that learns one records it without a parameter
//! and without an allocation. Outside of a request, nothing is recorded.

use cloud_serving::SlowCall;
use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

tokio::task_local! {
    /// The facts of the request that the task answers.
    pub(crate) static FACTS: Facts;
}

/// The recorded facts of one request.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) viewer_id: Cell<Option<u64>>,
    pub(crate) member_id: Cell<Option<u64>>,
    edges: Cell<u64>,
    /// The edges visited by the last work on another thread, which may go on counting after its
    /// caller is gone.
    elsewhere: RefCell<Option<Arc<AtomicU64>>>,
    /// The answer's `as_of`.
    pub(crate) scn: Cell<Option<u64>>,
}

impl Facts {
    /// Returns the number of edges visited so far. While work is running, it may be off by some
    /// 10,000.
    pub(crate) fn edges(&self) -> u64 {
        let elsewhere = self.elsewhere.borrow();
        let elsewhere = elsewhere.as_ref();
        self.edges.get() + elsewhere.map_or(0, |edges| edges.load(Ordering::Relaxed))
    }
}

/// Writes the line of a slow request.
pub(crate) fn report(call: SlowCall<'_>, facts: &Facts) {
    let SlowCall {
        rpc,
        milliseconds,
        code,
    } = call;
    tracing::warn!(
        rpc,
        milliseconds,
        ?code,
        viewer_id = facts.viewer_id.get(),
        member_id = facts.member_id.get(),
        edges = facts.edges(),
        as_of = facts.scn.get(),
        "slow request"
    );
}

/// Records that the request named this member in `field`.
pub(crate) fn named(field: &str, id: u64) {
    note(|facts| match field {
        "viewer_id" => facts.viewer_id.set(Some(id)),
        _ => facts.member_id.set(Some(id)),
    });
}

/// Records that the request visited this many more edges.
pub(crate) fn visited(edges: u64) {
    note(|facts| facts.edges.set(facts.edges.get() + edges));
}

/// Records that another thread visits edges for the request, and counts them in `edges`.
pub(crate) fn visited_elsewhere(edges: &Arc<AtomicU64>) {
    note(|facts| {
        let so_far = facts.edges();
        facts.elsewhere.replace(Some(Arc::clone(edges)));
        facts.edges.set(so_far);
    });
}

/// Records that the request is answered as of `scn`.
pub(crate) fn answered_as_of(scn: u64) {
    note(|facts| facts.scn.set(Some(scn)));
}

fn note(note: impl FnOnce(&Facts)) {
    // Fails outside of a request, as in tests of one function.
    let _ = FACTS.try_with(note);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::facts;
    use cloud_serving::{ObserveLayer, metrics::Calls};
    use http::{Request, Response};
    use std::{
        convert::Infallible,
        io::{self, Write},
        sync::{Mutex, PoisonError},
        time::Duration,
    };
    use tonic::{Status, body::Body};
    use tower::{Layer, Service};

    const PATH: &str = "/cloud.v1.NetworkService/GetDegrees";

    /// Returns the log lines of a call that is answered with `status`.
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

    /// Returns the log lines of a call that is answered by `answer`, and whose caller waits for 20
    /// ms.
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
        let observe = ObserveLayer::new(calls, slow, &FACTS, report);
        let mut service = observe.layer(answers);
        let request = Request::builder().uri(PATH).body(Body::empty()).unwrap();
        let wait = Duration::from_millis(20);
        let _ = tokio::time::timeout(wait, service.call(request)).await;
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
