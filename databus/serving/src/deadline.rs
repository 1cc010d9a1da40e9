//! Sets the deadline of each request: the bounded `grpc-timeout` that it states, or the default.
//!
//! This is a layer around all services, because tonic answers an expired deadline with CANCELLED
//! instead of DEADLINE_EXCEEDED. The layer also stops waiting for handlers. Work on other threads
//! checks the [`Deadline`] itself.

use crate::limits;
use crate::{Refusal, ServingLimits};
use http::{HeaderMap, Request, Response};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

/// The time by which a request must be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    stated: bool,
}

impl Deadline {
    /// Returns the deadline of the request. Every request that went through [`DeadlineLayer`] has
    /// one; any other gets the default from now.
    pub fn of<M>(request: &tonic::Request<M>) -> Self {
        let default = || Self::after(limits::DEADLINE_DEFAULT);
        request.extensions().get().copied().unwrap_or_else(default)
    }

    /// Returns the deadline this long from now. It counts as stated by the caller.
    pub fn after(time: Duration) -> Self {
        Self {
            at: Instant::now() + time,
            stated: true,
        }
    }

    /// Returns the time at which the deadline passes.
    pub fn at(self) -> Instant {
        self.at
    }

    /// Returns the deadline that the caller stated. Streams use it, because they have no default.
    pub fn stated(self) -> Option<Instant> {
        self.stated.then_some(self.at)
    }

    /// Returns whether the deadline has passed.
    pub fn passed(self) -> bool {
        Instant::now() >= self.at
    }
}

/// A layer that gives every request its [`Deadline`].
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer {
    default: Duration,
    max: Duration,
}

impl DeadlineLayer {
    /// Takes the default for requests that state no deadline, and the latest deadline that is
    /// allowed.
    pub fn new(limits: &ServingLimits) -> Self {
        Self {
            default: limits.deadline_default,
            max: limits.deadline_max,
        }
    }

    fn deadline(self, headers: &HeaderMap) -> Result<Deadline, Refusal> {
        let stated = match headers.get(HEADER) {
            None => None,
            Some(value) => Some(value.to_str().ok().and_then(parse_timeout).ok_or_else(|| {
                Refusal::field(
                    HEADER,
                    "must be 1 to 8 digits and one of the units H, M, S, m, u, n",
                )
            })?),
        };
        let time = stated.unwrap_or(self.default).min(self.max);
        Ok(Deadline {
            at: Instant::now() + time,
            stated: stated.is_some(),
        })
    }
}

const HEADER: &str = "grpc-timeout";

/// Parses 1 to 8 digits and a unit, as the gRPC protocol over HTTP/2 defines it.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> DeadlineService<S> {
        DeadlineService {
            layer: *self,
            inner,
        }
    }
}

/// A service behind a [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct DeadlineService<S> {
    layer: DeadlineLayer,
    inner: S,
}

impl<S> Service<Request<Body>> for DeadlineService<S>
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

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let deadline = match self.layer.deadline(request.headers()) {
            Ok(deadline) => deadline,
            Err(refusal) => return Box::pin(async { Ok(Status::from(refusal).into_http()) }),
        };
        request.extensions_mut().insert(deadline);
        let answer = self.inner.call(request);
        Box::pin(async move {
            match tokio::time::timeout_at(deadline.at.into(), answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(Status::from(Refusal::deadline()).into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_parsed_as_the_protocol_says() {
        let check = |text, expected| assert_eq!(parse_timeout(text), expected, "{text}");
        check("2H", Some(Duration::from_secs(7200)));
        check("3M", Some(Duration::from_secs(180)));
        check("82S", Some(Duration::from_secs(82)));
        check("7m", Some(Duration::from_millis(7)));
        check("99999999u", Some(Duration::from_micros(99_999_999)));
        check("0n", Some(Duration::ZERO));
        for text in [
            "",
            "S",
            "5",
            "5s",
            "-1S",
            "+1S",
            "1.5S",
            "123456789S",
            "5\u{e9}",
            "\u{e9}",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_deadline_is_bounded_and_has_a_default() {
        let layer = DeadlineLayer {
            default: Duration::from_secs(10),
            max: Duration::from_secs(60),
        };
        let check = |timeout: Option<&str>, seconds: u64, stated: bool| {
            let mut headers = HeaderMap::new();
            if let Some(timeout) = timeout {
                headers.insert(HEADER, timeout.parse().unwrap());
            }
            let before = Instant::now();
            let deadline = layer.deadline(&headers).unwrap();
            let time = Duration::from_secs(seconds);
            assert!(deadline.at >= before + time && deadline.at <= Instant::now() + time);
            assert_eq!(deadline.stated, stated);
        };
        check(None, 10, false);
        check(Some("5S"), 5, true);
        check(Some("2H"), 60, true);
        let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), "soon".parse().unwrap())]);
        let refusal = layer.deadline(&headers).unwrap_err();
        assert_eq!(refusal.wrong_field(), Some(HEADER));
    }

    #[tokio::test]
    async fn an_expired_deadline_is_answered_so() {
        let never = tower::service_fn(|_: Request<Body>| {
            std::future::pending::<Result<_, std::convert::Infallible>>()
        });
        let mut service = DeadlineLayer::new(&ServingLimits::default()).layer(never);
        let request = Request::builder()
            .header(HEADER, "0n")
            .body(Body::empty())
            .unwrap();
        let answer = service.call(request).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "4");
    }
}
