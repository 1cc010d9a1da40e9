//! One row: a call, the field that it is about, the messages, and the expected answer.

use super::raw::Wire;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// A call with its messages and the expected answer.
#[derive(Debug)]
pub(super) struct Row {
    /// The package, service and method.
    pub(super) call: &'static str,
    /// The field of the request, as errors name it.
    pub(super) about: &'static str,
    /// The case, in the words of a test's name.
    pub(super) what: &'static str,
    messages: Vec<Vec<u8>>,
    outcome: Outcome,
}

/// The expected answer of a row.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Answered,
    /// INVALID_ARGUMENT: `BadRequest` with one violation of this field.
    Field(&'static str),
    /// INVALID_ARGUMENT: the same, and `ErrorInfo` with the requested number and the limit.
    TooLarge {
        field: &'static str,
        asked: u64,
        limit: u64,
    },
    /// NOT_FOUND: `ResourceInfo` of this member.
    NoMember(u64),
    /// `ErrorInfo` with this reason and this figure.
    Reason(Code, &'static str, &'static str, String),
}

/// Returns a row that sends one message.
pub(super) fn row(
    call: &'static str,
    about: &'static str,
    what: &'static str,
    message: &impl Message,
    outcome: Outcome,
) -> Row {
    rows_of(call, about, what, vec![message.encode_to_vec()], outcome)
}

/// Returns a row that sends these bytes.
pub(super) fn rows_of(
    call: &'static str,
    about: &'static str,
    what: &'static str,
    messages: Vec<Vec<u8>>,
    outcome: Outcome,
) -> Row {
    Row {
        call,
        about,
        what,
        messages,
        outcome,
    }
}

impl Row {
    /// Sends the messages, and returns the status of a refusal. The error says how the answer
    /// differs from the expected one.
    pub(super) async fn check(&self, wire: &Wire) -> Result<Option<Status>, String> {
        let answer = wire.ask(self.call, self.messages.clone(), None).await;
        let status = answer.as_ref().err().cloned();
        self.outcome
            .compare(answer)
            .map(|()| status)
            .map_err(|found| format!("{}, {}: {}: {found}", self.call, self.about, self.what))
    }
}

impl Outcome {
    pub(super) fn compare(&self, answer: Result<Vec<u8>, Status>) -> Result<(), String> {
        let status = match (self, answer) {
            (Self::Answered, Ok(_)) => return Ok(()),
            (_, Ok(_)) => return Err(format!("was answered, and not with {self:?}")),
            (Self::Answered, Err(status)) => return Err(format!("{status:?}")),
            (_, Err(status)) => status,
        };
        let details = status.get_error_details();
        let as_expected = match self {
            Self::Answered => false,
            Self::Field(field) => {
                status.code() == Code::InvalidArgument
                    && violated(&details) == [*field]
                    && has(&details, "INVALID_FIELD", "field", field)
            }
            Self::TooLarge {
                field,
                asked,
                limit,
            } => {
                status.code() == Code::InvalidArgument
                    && violated(&details) == [*field]
                    && has(&details, "TOO_LARGE", "field", field)
                    && has(&details, "TOO_LARGE", "asked", &asked.to_string())
                    && has(&details, "TOO_LARGE", "limit", &limit.to_string())
            }
            Self::NoMember(id) => {
                status.code() == Code::NotFound
                    && has(&details, "MEMBER_NOT_FOUND", "member_id", &id.to_string())
                    && details.resource_info().is_some_and(|resource| {
                        resource.resource_type == "member"
                            && resource.resource_name == id.to_string()
                    })
            }
            Self::Reason(code, reason, name, value) => {
                status.code() == *code && has(&details, reason, name, value)
            }
        };
        let is_load = status.code() == Code::ResourceExhausted;
        if as_expected && details.retry_info().is_some() == is_load {
            Ok(())
        } else {
            Err(format!("{self:?} was expected: {status:?}, {details:?}"))
        }
    }
}

fn violated(details: &ErrorDetails) -> Vec<&str> {
    let violations = details
        .bad_request()
        .map(|request| request.field_violations.as_slice());
    violations
        .unwrap_or_default()
        .iter()
        .map(|violation| violation.field.as_str())
        .collect()
}

/// Returns whether the reason is this one, with this figure. An empty name accepts any figures.
fn has(details: &ErrorDetails, reason: &str, name: &str, value: &str) -> bool {
    details.error_info().is_some_and(|info| {
        info.domain == "cloud.v1"
            && info.reason == reason
            && (name.is_empty() || info.metadata.get(name).is_some_and(|found| found == value))
    })
}
