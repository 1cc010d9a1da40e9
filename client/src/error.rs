//! The errors of a call, by what a caller can do about them.

use std::{collections::HashMap, fmt, time::Duration};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why a call failed, by what a caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one of a listener.
    #[error("{address:?} {problem}")]
    Address {
        /// The address.
        address: String,
        /// The problem, and how to write it.
        problem: String,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach {address}: {}", chain(source.as_ref()))]
    Unreachable {
        /// The address of the server.
        address: String,
        /// The error of the transport.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The request is wrong or above a limit, or the server's state forbids it: the same request
    /// will be refused again.
    #[error("the request was refused: {0}")]
    Refused(Box<Failure>),
    /// The member in the request does not exist.
    #[error("not found: {0}")]
    NotFound(Box<Failure>),
    /// The server has too much to do: retry after [`Error::retry_delay`], and back off further if
    /// that fails.
    #[error("too much load: {0}")]
    Busy(Box<Failure>),
    /// The server cannot answer now: the same request may succeed later.
    #[error("not available now, try again: {0}")]
    TryAgain(Box<Failure>),
    /// The call's deadline passed.
    #[error("the deadline passed: {0}")]
    Deadline(Box<Failure>),
    /// The server failed: its log has the details.
    #[error("the server failed: {0}")]
    Server(Box<Failure>),
}

/// The status that the server returned.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The gRPC code.
    pub code: Code,
    /// A sentence for a human reader.
    pub message: String,
    /// The fields of the request that are wrong.
    pub fields: Vec<FieldViolation>,
    /// The kind and name of the resource that does not exist, such as `member` and `42`.
    pub resource: Option<(String, String)>,
    /// A machine-readable word, such as `EDGES_EXHAUSTED`. The page docs/errors.md lists all.
    pub reason: String,
    /// Figures that go with the reason, such as the limit, or the SCN that was reached.
    pub metadata: HashMap<String, String>,
    /// The time to wait before a retry. The server states it if load is the reason.
    pub retry_delay: Option<Duration>,
}

/// The problem of one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path, such as `member_ids[3]`.
    pub field: String,
    /// The problem.
    pub description: String,
}

impl Error {
    /// The reason of an error of a subscription whose windows came in another order than the log's.
    pub const OUT_OF_ORDER: &str = "OUT_OF_ORDER";

    /// Returns the server's status; `None` if the server was not reached.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Address { .. } | Self::Unreachable { .. } => None,
            Self::Refused(failure)
            | Self::NotFound(failure)
            | Self::Busy(failure)
            | Self::TryAgain(failure)
            | Self::Deadline(failure)
            | Self::Server(failure) => Some(failure),
        }
    }

    /// Returns the time to wait before the first retry, if the server states one.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.failure().and_then(|failure| failure.retry_delay)
    }

    /// Returns the gRPC code; UNAVAILABLE if the server was not reached.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Address { .. } => Code::InvalidArgument,
            _ => self
                .failure()
                .map_or(Code::Unavailable, |failure| failure.code),
        }
    }

    /// Converts the status of a call to `address`.
    pub(crate) fn from_status(address: &str, status: Status) -> Self {
        let from_transport = std::error::Error::source(&status).is_some();
        let mut failure = Failure::new(&status);
        match status.code() {
            // tonic returns this status if its own timer runs out before the server answers.
            Code::Cancelled if failure.message == "Timeout expired" => {
                failure.code = Code::DeadlineExceeded;
                Self::Deadline(failure)
            }
            Code::DeadlineExceeded => Self::Deadline(failure),
            // The code of a transport's error is tonic's guess: a connection that the server closed
            // under load has RESOURCE_EXHAUSTED.
            _ if from_transport => Self::Unreachable {
                address: address.to_owned(),
                source: std::error::Error::source(&status)
                    .map_or_else(String::new, chain)
                    .into(),
            },
            Code::NotFound => Self::NotFound(failure),
            Code::ResourceExhausted => Self::Busy(failure),
            Code::Unavailable | Code::Aborted => Self::TryAgain(failure),
            Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented => Self::Refused(failure),
            Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
                Self::Server(failure)
            }
        }
    }

    /// Returns the error of a call whose time is up before the server has answered.
    pub(crate) fn deadline() -> Self {
        Self::Deadline(Failure::new(&Status::deadline_exceeded(
            "no answer in time",
        )))
    }

    /// Returns the error of a subscription that does not continue in the log's order.
    pub(crate) fn out_of_order(address: &str, problem: &str) -> Self {
        let message = format!("{address} does not follow the log's order: {problem}");
        let mut failure = Failure::new(&Status::data_loss(message));
        failure.reason = Self::OUT_OF_ORDER.to_owned();
        Self::Server(failure)
    }

    /// Returns the error of a stream that the server ended without the answer that is due.
    pub(crate) fn ended(address: &str) -> Self {
        Self::Unreachable {
            address: address.to_owned(),
            source: "the server ended the call".into(),
        }
    }
}

impl Failure {
    fn new(status: &Status) -> Box<Self> {
        let details = status.get_error_details();
        let fields = details
            .bad_request()
            .map(|bad| bad.field_violations.as_slice())
            .unwrap_or_default();
        let info = details.error_info();
        Box::new(Self {
            code: status.code(),
            message: status.message().to_owned(),
            fields: fields
                .iter()
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect(),
            resource: details
                .resource_info()
                .map(|info| (info.resource_type.clone(), info.resource_name.clone())),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            retry_delay: details.retry_info().and_then(|info| info.retry_delay),
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({:?})", self.message, self.code)
    }
}

/// Returns the text of an error and its causes: the transport's own text is only "transport error".
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn codes_are_sorted_by_consequence() {
        let check = |code: Code, expected: fn(&Error) -> bool| {
            let error = Error::from_status("here", Status::new(code, "why"));
            assert!(expected(&error), "{code:?} -> {error:?}");
        };
        check(Code::InvalidArgument, |error| {
            matches!(error, Error::Refused(_))
        });
        check(Code::FailedPrecondition, |error| {
            matches!(error, Error::Refused(_))
        });
        check(Code::OutOfRange, |error| matches!(error, Error::Refused(_)));
        check(Code::NotFound, |error| matches!(error, Error::NotFound(_)));
        check(Code::ResourceExhausted, |error| {
            matches!(error, Error::Busy(_))
        });
        check(Code::Unavailable, |error| {
            matches!(error, Error::TryAgain(_))
        });
        check(Code::DeadlineExceeded, |error| {
            matches!(error, Error::Deadline(_))
        });
        check(Code::Internal, |error| matches!(error, Error::Server(_)));
    }

    #[test]
    fn an_error_of_the_transport_is_no_answer_of_the_server() {
        for code in [Code::Unavailable, Code::ResourceExhausted, Code::Internal] {
            let mut status = Status::new(code, "h2 protocol error");
            status.set_source(std::sync::Arc::new(std::io::Error::other("reset")));
            let error = Error::from_status("here", status);
            assert!(
                matches!(error, Error::Unreachable { .. }),
                "{code:?} -> {error:?}"
            );
        }
    }

    #[test]
    fn details_are_kept() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("member_ids[3]", "must not be 0");
        details.set_error_info(
            "TOO_LARGE",
            "cloud.v1",
            HashMap::from([("limit".to_owned(), "1000".to_owned())]),
        );
        details.set_retry_info(Some(Duration::from_millis(100)));
        details.set_resource_info("member", "42", "", "");
        let status = Status::with_error_details(Code::InvalidArgument, "no", details);
        let error = Error::from_status("here", status);
        let failure = error.failure().unwrap();
        assert_eq!(failure.fields[0].field, "member_ids[3]");
        assert_eq!(failure.metadata["limit"], "1000");
        assert_eq!(failure.resource, Some(("member".into(), "42".into())));
        assert_eq!(error.retry_delay(), Some(Duration::from_millis(100)));
    }
}
