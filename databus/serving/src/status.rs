//! The table from refusals to gRPC codes and `google.rpc` details.
//!
//! Programs read the details: the field (`BadRequest`), or a reason with its figures
//! (`ErrorInfo`; and `QuotaFailure` for a limit). People read the message.

use crate::Refusal;
use std::collections::HashMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Whose reasons they are, in `ErrorInfo`.
const DOMAIN: &str = "cloud.v1";

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let mut details = ErrorDetails::new();
        let code = match refusal {
            Refusal::Field { field, problem } => {
                details.add_bad_request_violation(field, problem);
                Code::InvalidArgument
            }
            Refusal::Malformed { reason } => {
                info(&mut details, "MALFORMED", &[("why", &reason)]);
                Code::InvalidArgument
            }
            Refusal::Unimplemented { reason } => {
                info(&mut details, "UNIMPLEMENTED", &[("why", &reason)]);
                Code::Unimplemented
            }
            Refusal::NotFound { reason } => {
                info(&mut details, "NOT_FOUND", &[("why", &reason)]);
                Code::NotFound
            }
            Refusal::RequestTooLarge { limit } => {
                details.add_quota_failure_violation("request_bytes", &message);
                info(&mut details, "REQUEST_TOO_LARGE", &[("limit", &limit)]);
                Code::ResourceExhausted
            }
            Refusal::TooLarge {
                field,
                asked,
                limit,
            } => {
                details.add_quota_failure_violation(field, &message);
                info(
                    &mut details,
                    "TOO_LARGE",
                    &[("field", &field), ("asked", &asked), ("limit", &limit)],
                );
                Code::ResourceExhausted
            }
            Refusal::OtherLog { ours, asked } => {
                details.add_precondition_failure_violation("LOG", "log_id", &message);
                info(
                    &mut details,
                    "OTHER_LOG",
                    &[("log_id", &ours), ("asked", &asked)],
                );
                Code::FailedPrecondition
            }
            Refusal::NotOwner { owner } => {
                details.add_precondition_failure_violation("LOG", "owner", &message);
                info(&mut details, "NOT_OWNER", &[("owner", &owner)]);
                Code::FailedPrecondition
            }
            Refusal::Dropped {
                after_scn,
                oldest_after_scn,
            } => {
                info(
                    &mut details,
                    "DROPPED",
                    &[
                        ("after_scn", &after_scn),
                        ("oldest_after_scn", &oldest_after_scn),
                    ],
                );
                Code::OutOfRange
            }
            Refusal::BeyondHead { after_scn, head } => {
                info(
                    &mut details,
                    "BEYOND_HEAD",
                    &[("after_scn", &after_scn), ("head", &head)],
                );
                Code::OutOfRange
            }
            Refusal::Busy { what, limit } => {
                details.add_quota_failure_violation(what, &message);
                info(&mut details, "BUSY", &[("what", &what), ("limit", &limit)]);
                Code::ResourceExhausted
            }
            Refusal::SlowSubscriber {
                resume_after_scn, ..
            } => {
                info(
                    &mut details,
                    "SLOW_SUBSCRIBER",
                    &[("resume_after_scn", &resume_after_scn)],
                );
                Code::ResourceExhausted
            }
            Refusal::SlowPublisher { stalled_ms } => {
                info(
                    &mut details,
                    "SLOW_PUBLISHER",
                    &[("stalled_ms", &stalled_ms)],
                );
                Code::ResourceExhausted
            }
            Refusal::NotServing { reason } => {
                info(&mut details, "NOT_SERVING", &[("why", &reason)]);
                Code::Unavailable
            }
            Refusal::NotDurable { reason } => {
                info(&mut details, "NOT_DURABLE", &[("why", &reason)]);
                Code::Unavailable
            }
            Refusal::Deadline => {
                info(&mut details, "DEADLINE", &[]);
                Code::DeadlineExceeded
            }
            Refusal::Corrupt { what, reason } => {
                info(
                    &mut details,
                    "CORRUPT",
                    &[("what", &what), ("why", &reason)],
                );
                Code::DataLoss
            }
            Refusal::Internal { reason } => {
                info(&mut details, "INTERNAL", &[("why", &reason)]);
                Code::Internal
            }
        };
        Self::with_error_details(code, message, details)
    }
}

/// A reason for programs, and its figures.
pub fn info(details: &mut ErrorDetails, reason: &str, figures: &[(&str, &dyn ToString)]) {
    let figures: HashMap<_, _> = figures
        .iter()
        .map(|(name, figure)| ((*name).to_owned(), figure.to_string()))
        .collect();
    details.set_error_info(reason, DOMAIN, figures);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, code: Code, reason: Option<&str>, figure: Option<(&str, &str)>) {
        let status = Status::from(refusal);
        assert_eq!(status.code(), code);
        let info = status.get_details_error_info();
        assert_eq!(info.as_ref().map(|info| info.reason.as_str()), reason);
        if let Some((name, value)) = figure {
            assert_eq!(info.unwrap().metadata[name], value);
        }
    }

    #[test]
    fn each_refusal_has_its_code_and_reason() {
        let text = String::from;
        check(
            Refusal::field("viewer_id", "must not be 0"),
            Code::InvalidArgument,
            None,
            None,
        );
        let too_large = Refusal::TooLarge {
            field: "member_ids",
            asked: 1001,
            limit: 1000,
        };
        check(
            too_large,
            Code::ResourceExhausted,
            Some("TOO_LARGE"),
            Some(("limit", "1000")),
        );
        let other = Refusal::OtherLog {
            ours: text("a"),
            asked: text("b"),
        };
        check(
            other,
            Code::FailedPrecondition,
            Some("OTHER_LOG"),
            Some(("log_id", "a")),
        );
        let owner = || text("http://127.0.0.1:1");
        check(
            Refusal::NotOwner { owner: owner() },
            Code::FailedPrecondition,
            Some("NOT_OWNER"),
            Some(("owner", &owner())),
        );
        let dropped = Refusal::Dropped {
            after_scn: 3,
            oldest_after_scn: 9,
        };
        check(
            dropped,
            Code::OutOfRange,
            Some("DROPPED"),
            Some(("oldest_after_scn", "9")),
        );
        check(
            Refusal::BeyondHead {
                after_scn: 3,
                head: 2,
            },
            Code::OutOfRange,
            Some("BEYOND_HEAD"),
            Some(("head", "2")),
        );
        check(
            Refusal::Busy {
                what: "heavy requests",
                limit: 5,
            },
            Code::ResourceExhausted,
            Some("BUSY"),
            None,
        );
        let slow = Refusal::SlowSubscriber {
            stalled_ms: 5,
            resume_after_scn: 77,
        };
        check(
            slow,
            Code::ResourceExhausted,
            Some("SLOW_SUBSCRIBER"),
            Some(("resume_after_scn", "77")),
        );
        check(
            Refusal::Deadline,
            Code::DeadlineExceeded,
            Some("DEADLINE"),
            None,
        );
        let corrupt = Refusal::Corrupt {
            what: "the log",
            reason: text("segment 3"),
        };
        check(
            corrupt,
            Code::DataLoss,
            Some("CORRUPT"),
            Some(("what", "the log")),
        );
        let reason = text("no graph");
        check(
            Refusal::Internal { reason },
            Code::Internal,
            Some("INTERNAL"),
            Some(("why", "no graph")),
        );
    }

    #[test]
    fn a_wrong_field_is_named() {
        let status = Status::from(Refusal::field("member_ids[3]", "must not be 0"));
        assert_eq!(
            status.get_details_bad_request().unwrap().field_violations[0].field,
            "member_ids[3]"
        );
    }
}
