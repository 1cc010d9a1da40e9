//! The gRPC status of a refusal, with its details after AIP-193.
//!
//! Every status has `ErrorInfo`: the reason, the domain and the figures. Beside it stands what the
//! code calls for:
//!
//! | code | details |
//! |---|---|
//! | INVALID_ARGUMENT | `BadRequest` with the field, unless the whole message is wrong |
//! | FAILED_PRECONDITION | `PreconditionFailure` with the limit, or with the condition of the log |
//! | RESOURCE_EXHAUSTED | `RetryInfo`, and `QuotaFailure` with the limit |
//! | NOT_FOUND | `ResourceInfo` with the missing member |

use crate::{Refusal, limits::RETRY_DELAY, refusal::Subject};
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of all reasons, in `ErrorInfo`.
pub const DOMAIN: &str = "cloud.v1";

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let Refusal {
            reason,
            message,
            figures,
            subject,
        } = refusal;
        let mut details = ErrorDetails::new();
        let figures = figures.into_iter();
        let figures: HashMap<_, _> = figures
            .map(|(name, figure)| (name.to_owned(), figure))
            .collect();
        details.set_error_info(reason.name, DOMAIN, figures);
        if reason.code == Code::ResourceExhausted {
            details.set_retry_info(Some(RETRY_DELAY));
        }
        match subject {
            Some(Subject::Field { field, problem }) => {
                details.add_bad_request_violation(field, problem);
            }
            Some(Subject::Limit(what)) if reason.code == Code::ResourceExhausted => {
                details.add_quota_failure_violation(what, &message);
            }
            Some(Subject::Limit(what)) => {
                details.add_precondition_failure_violation("LIMIT", what, &message);
            }
            Some(Subject::LogCondition(condition)) => {
                details.add_precondition_failure_violation("LOG", condition, &message);
            }
            Some(Subject::Resource { kind, name }) => {
                details.set_resource_info(kind, name, "", &message);
            }
            None => {}
        }
        Self::with_error_details(reason.code, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the status, after a check of its code and of its reason.
    #[track_caller]
    fn status(refusal: Refusal, code: Code, reason: &str, (name, value): (&str, &str)) -> Status {
        let status = Status::from(refusal);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (status.code(), info.reason.as_str(), info.domain.as_str()),
            (code, reason, DOMAIN)
        );
        assert_eq!(info.metadata[name], value);
        status
    }

    #[test]
    fn a_wrong_field_is_named() {
        let check = |refusal, reason| {
            let figure = ("field", "member_ids[3]");
            let status = status(refusal, Code::InvalidArgument, reason, figure);
            let wrong = status.get_details_bad_request().unwrap();
            assert_eq!(wrong.field_violations[0].field, "member_ids[3]");
            assert!(status.get_details_retry_info().is_none());
        };
        check(
            Refusal::field("member_ids[3]", "must not be 0"),
            "INVALID_FIELD",
        );
        check(Refusal::too_large("member_ids[3]", 7, 5), "TOO_LARGE");
    }

    #[test]
    fn load_has_a_quota_and_a_delay() {
        let refusal = Refusal::busy("sessions", 5);
        let status = status(refusal, Code::ResourceExhausted, "BUSY", ("limit", "5"));
        let quota = status.get_details_quota_failure().unwrap();
        assert_eq!(quota.violations[0].subject, "sessions");
        assert_eq!(status.message(), "sessions: at most 5 at a time");
        let retry = status.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(RETRY_DELAY));
    }

    #[test]
    fn a_limit_that_is_no_load_is_a_precondition_without_a_delay() {
        let refusal = Refusal::answer_too_large(5);
        let code = Code::FailedPrecondition;
        let status = status(refusal, code, "ANSWER_TOO_LARGE", ("limit", "5"));
        let failure = status.get_details_precondition_failure().unwrap();
        let violation = &failure.violations[0];
        assert_eq!(
            (violation.r#type.as_str(), violation.subject.as_str()),
            ("LIMIT", "answer_bytes")
        );
        assert!(status.get_details_retry_info().is_none());
        assert!(status.get_details_quota_failure().is_none());
    }
}
