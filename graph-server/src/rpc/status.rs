//! The table from this server's own refusals to gRPC codes and `google.rpc` details; the others' stands in the databus
//! crate.

use crate::rpc::refusal::Refusal;
use cloud_serving::info;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let mut details = ErrorDetails::new();
        let code = match refusal {
            Refusal::Common(refusal) => return refusal.into(),
            Refusal::MemberNotFound { member_id } => {
                details.set_resource_info("member", member_id.to_string(), "", &message);
                Code::NotFound
            }
            Refusal::AnswerTooLarge { limit } => {
                details.add_quota_failure_violation("answer_bytes", &message);
                info(&mut details, "ANSWER_TOO_LARGE", &[("limit", &limit)]);
                Code::ResourceExhausted
            }
            Refusal::EdgesExhausted { limit } => {
                details.add_quota_failure_violation("edges", &message);
                info(&mut details, "EDGES_EXHAUSTED", &[("limit", &limit)]);
                Code::ResourceExhausted
            }
            Refusal::NotReached { reached, .. } => {
                info(&mut details, "NOT_REACHED", &[("scn", &reached)]);
                Code::Unavailable
            }
            Refusal::NoSnapshot { reason } => {
                info(&mut details, "NO_SNAPSHOT", &[("why", &reason)]);
                Code::Unavailable
            }
        };
        Self::with_error_details(code, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, code: Code, reason: &str, (name, value): (&str, &str)) {
        let status = Status::from(refusal);
        assert_eq!(status.code(), code);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata[name].as_str()),
            (reason, value)
        );
    }

    #[test]
    fn each_refusal_has_its_code_and_reason() {
        check(
            Refusal::EdgesExhausted { limit: 5 },
            Code::ResourceExhausted,
            "EDGES_EXHAUSTED",
            ("limit", "5"),
        );
        check(
            Refusal::AnswerTooLarge { limit: 5 },
            Code::ResourceExhausted,
            "ANSWER_TOO_LARGE",
            ("limit", "5"),
        );
        let late = Refusal::NotReached {
            reached: 4,
            waited_ms: 2000,
        };
        check(late, Code::Unavailable, "NOT_REACHED", ("scn", "4"));
        let common = cloud_serving::Refusal::BeyondHead {
            after_scn: 3,
            head: 2,
        };
        check(
            common.into(),
            Code::OutOfRange,
            "BEYOND_HEAD",
            ("head", "2"),
        );
    }

    #[test]
    fn an_unknown_member_is_named() {
        let status = Status::from(Refusal::MemberNotFound { member_id: 7 });
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(
            status.get_details_resource_info().unwrap().resource_name,
            "7"
        );
    }
}
