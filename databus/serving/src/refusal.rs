//! Refusals: why a request is not answered, and the gRPC status for each.
//!
//! The code of every server returns a [`Refusal`], and one conversion turns it into a gRPC status.
//! Programs read the details: the field (`BadRequest`), or a reason with its figures (`ErrorInfo`,
//! and `QuotaFailure` for a limit). The message is for a human reader.

use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of all reasons, in `ErrorInfo`.
const DOMAIN: &str = "cloud.v1";
/// The name of the figure that explains the reason in words.
const WHY: &str = "why";

/// The reason that a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: Code,
    message: String,
    reason: Option<&'static str>,
    figures: Vec<(&'static str, String)>,
    subject: Option<Subject>,
}

/// The thing that a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A field of the request, and what is wrong with it.
    Field { field: String, problem: String },
    /// A limit.
    Quota(&'static str),
    /// A condition of the server's log.
    LogCondition(&'static str),
    /// A resource of a kind, by its name.
    Resource { kind: &'static str, name: String },
}

/// Builds a refusal of any kind.
impl Refusal {
    /// Returns a refusal with a code and a message, and no details yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            reason: None,
            figures: Vec::new(),
            subject: None,
        }
    }

    /// Adds the reason that programs read.
    #[must_use]
    pub fn with_reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Adds a figure to the reason.
    #[must_use]
    pub fn with_figure(mut self, name: &'static str, figure: impl ToString) -> Self {
        self.figures.push((name, figure.to_string()));
        self
    }

    /// Adds the limit that is exceeded.
    #[must_use]
    pub fn with_quota(mut self, quota: &'static str) -> Self {
        self.subject = Some(Subject::Quota(quota));
        self
    }

    /// Adds the condition of the log that does not hold.
    #[must_use]
    pub fn with_log_condition(mut self, condition: &'static str) -> Self {
        self.subject = Some(Subject::LogCondition(condition));
        self
    }

    /// Adds the resource that is missing.
    #[must_use]
    pub fn with_resource(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        let name = name.into();
        self.subject = Some(Subject::Resource { kind, name });
        self
    }

    /// Returns a refusal with a reason that is explained in words.
    pub fn explained(
        code: Code,
        reason: &'static str,
        message: impl Into<String>,
        why: impl ToString,
    ) -> Self {
        Self::new(code, message)
            .with_reason(reason)
            .with_figure(WHY, why)
    }

    /// Returns whether the refusal has this reason.
    pub fn is(&self, reason: &str) -> bool {
        self.reason == Some(reason)
    }

    /// Returns a figure of the reason.
    pub fn figure(&self, name: &str) -> Option<&str> {
        let figure = self.figures.iter().find(|(known, _)| *known == name);
        figure.map(|(_, figure)| figure.as_str())
    }

    /// Returns the explanation in words; without one, the message.
    pub fn why(&self) -> &str {
        self.figure(WHY).unwrap_or(&self.message)
    }

    /// Returns the wrong field of the request, if the refusal is about one.
    pub fn wrong_field(&self) -> Option<&str> {
        match &self.subject {
            Some(Subject::Field { field, .. }) => Some(field),
            _ => None,
        }
    }
}

/// The refusals of a request that is wrong.
impl Refusal {
    /// Rejects a request with a wrong field, and says what is wrong with it.
    pub fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let (field, problem) = (field.into(), problem.into());
        let message = format!("{field}: {problem}");
        Self {
            subject: Some(Subject::Field { field, problem }),
            ..Self::new(Code::InvalidArgument, message)
        }
    }

    /// Rejects a request that asks for more than the limit.
    pub fn too_large(field: &'static str, asked: u64, limit: u64) -> Self {
        let message = format!("{field} is {asked}, and at most {limit} are allowed");
        Self::new(Code::ResourceExhausted, message)
            .with_reason("TOO_LARGE")
            .with_figure("field", field)
            .with_figure("asked", asked)
            .with_figure("limit", limit)
            .with_quota(field)
    }

    /// Rejects a request whose message is larger than `limit` bytes.
    pub fn request_too_large(limit: u64) -> Self {
        let message = format!("the request is larger than {limit} bytes");
        Self::new(Code::ResourceExhausted, message)
            .with_reason("REQUEST_TOO_LARGE")
            .with_figure("limit", limit)
            .with_quota("request_bytes")
    }

    /// Rejects a request that cannot be decoded as the message of its method.
    pub fn malformed(why: &str) -> Self {
        let message = format!("the request cannot be read: {why}");
        Self::explained(Code::InvalidArgument, "MALFORMED", message, why)
    }

    /// Rejects a request for a method that the server does not have.
    pub fn unimplemented(why: &str) -> Self {
        Self::explained(Code::Unimplemented, "UNIMPLEMENTED", why, why)
    }

    /// Rejects a request that names a thing that does not exist.
    pub fn not_found(why: &str) -> Self {
        let message = format!("there is no such thing: {why}");
        Self::explained(Code::NotFound, "NOT_FOUND", message, why)
    }
}

/// The refusals of a server that cannot answer now.
impl Refusal {
    /// Rejects a request because `limit` of them are already in progress.
    pub fn busy(what: &'static str, limit: u64) -> Self {
        let message = format!("{what}: at most {limit} at a time");
        Self::new(Code::ResourceExhausted, message)
            .with_reason("BUSY")
            .with_figure("what", what)
            .with_figure("limit", limit)
            .with_quota(what)
    }

    /// Rejects a request because the server does not serve.
    pub fn not_serving(why: &str) -> Self {
        let message = format!("the server is not serving: {why}");
        Self::explained(Code::Unavailable, "NOT_SERVING", message, why)
    }

    /// Ends a call on which nothing was sent for a time. The caller may open another one.
    pub fn idle(idle: Duration) -> Self {
        let milliseconds = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let message =
            format!("nothing was sent on this call for {milliseconds} ms: open another one");
        Self::new(Code::Unavailable, message)
            .with_reason("IDLE")
            .with_figure("idle_ms", milliseconds)
    }

    /// Rejects a request because the server is shutting down.
    pub fn shutting_down() -> Self {
        Self::not_serving("shutting down")
    }

    /// Rejects a request whose deadline has passed.
    pub fn deadline() -> Self {
        Self::new(Code::DeadlineExceeded, "the deadline passed").with_reason("DEADLINE")
    }

    /// Rejects a request because data that the answer needs is corrupt.
    pub fn corrupt(what: &'static str, why: &str) -> Self {
        let message = format!("{what} is corrupt: {why}");
        Self::new(Code::DataLoss, message)
            .with_reason("CORRUPT")
            .with_figure("what", what)
            .with_figure(WHY, why)
    }

    /// Rejects a request because the server failed.
    pub fn internal(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::explained(Code::Internal, "INTERNAL", why.as_str(), &why)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal {
            code,
            message,
            reason,
            figures,
            subject,
        } = refusal;
        let mut details = ErrorDetails::new();
        if let Some(reason) = reason {
            let figures = figures.into_iter();
            let figures: HashMap<_, _> = figures
                .map(|(name, figure)| (name.to_owned(), figure))
                .collect();
            details.set_error_info(reason, DOMAIN, figures);
        }
        match subject {
            Some(Subject::Field { field, problem }) => {
                details.add_bad_request_violation(field, problem);
            }
            Some(Subject::Quota(quota)) => {
                details.add_quota_failure_violation(quota, &message);
            }
            Some(Subject::LogCondition(condition)) => {
                details.add_precondition_failure_violation("LOG", condition, &message);
            }
            Some(Subject::Resource { kind, name }) => {
                details.set_resource_info(kind, name, "", &message);
            }
            None => {}
        }
        Self::with_error_details(code, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, code: Code, reason: &str, figure: Option<(&str, &str)>) {
        let status = Status::from(refusal);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (status.code(), info.reason.as_str(), info.domain.as_str()),
            (code, reason, DOMAIN)
        );
        if let Some((name, value)) = figure {
            assert_eq!(info.metadata[name], value);
        }
    }

    #[test]
    fn each_refusal_has_its_code_and_reason() {
        check(
            Refusal::too_large("member_ids", 1001, 1000),
            Code::ResourceExhausted,
            "TOO_LARGE",
            Some(("limit", "1000")),
        );
        check(
            Refusal::busy("heavy requests", 5),
            Code::ResourceExhausted,
            "BUSY",
            Some(("what", "heavy requests")),
        );
        check(
            Refusal::deadline(),
            Code::DeadlineExceeded,
            "DEADLINE",
            None,
        );
        check(
            Refusal::corrupt("the log", "segment 3"),
            Code::DataLoss,
            "CORRUPT",
            Some(("what", "the log")),
        );
        check(
            Refusal::internal("no graph"),
            Code::Internal,
            "INTERNAL",
            Some(("why", "no graph")),
        );
        check(
            Refusal::shutting_down(),
            Code::Unavailable,
            "NOT_SERVING",
            Some(("why", "shutting down")),
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        let status = Status::from(Refusal::field("member_ids[3]", "must not be 0"));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.get_details_error_info().is_none());
        assert_eq!(
            status.get_details_bad_request().unwrap().field_violations[0].field,
            "member_ids[3]"
        );
    }

    #[test]
    fn a_limit_is_named() {
        let status = Status::from(Refusal::busy("sessions", 5));
        let quota = status.get_details_quota_failure().unwrap();
        assert_eq!(quota.violations[0].subject, "sessions");
        assert_eq!(status.message(), "sessions: at most 5 at a time");
    }
}
