//! Refusals: why a request is not answered.
//!
//! The code of every server returns a [`Refusal`], and one conversion turns it into a gRPC status
//! (`status.rs`). The [`Reason`] decides on the code. The message is for a human reader.

use crate::reason::{
    ANSWER_TOO_LARGE, BUSY, CANCELLED, CORRUPT, DEADLINE, IDLE, INTERNAL, INVALID_FIELD, MALFORMED,
    NOT_FOUND, NOT_SERVING, OTHER_LISTENER, PROTOCOL_ERROR, REQUEST_TOO_LARGE, Reason, TOO_LARGE,
    UNKNOWN_METHOD, UNSUPPORTED_ENCODING,
};
use std::time::Duration;

/// The name of the figure that explains the reason in words.
const WHY: &str = "why";

/// The reason that a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub(crate) reason: &'static Reason,
    pub(crate) message: String,
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) subject: Option<Subject>,
}

/// The thing that a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A field of the request, and what is wrong with it.
    Field { field: String, problem: String },
    /// A limit, by what it bounds.
    Limit(&'static str),
    /// A condition of the server's log.
    LogCondition(&'static str),
    /// A resource of a kind, by its name.
    Resource { kind: &'static str, name: String },
}

/// Builds a refusal of any kind.
impl Refusal {
    /// Returns a refusal for a reason, without figures.
    pub fn new(reason: &'static Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            figures: Vec::new(),
            subject: None,
        }
    }

    /// Adds a figure of the reason.
    #[must_use]
    pub fn with_figure(mut self, name: &'static str, figure: impl ToString) -> Self {
        self.figures.push((name, figure.to_string()));
        self
    }

    /// Adds the limit that the request met, and what it bounds.
    #[must_use]
    pub fn with_limit(mut self, what: &'static str, limit: u64) -> Self {
        self.subject = Some(Subject::Limit(what));
        self.with_figure("limit", limit)
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
        reason: &'static Reason,
        message: impl Into<String>,
        why: impl ToString,
    ) -> Self {
        Self::new(reason, message).with_figure(WHY, why)
    }

    /// Returns whether the refusal has this reason.
    pub fn is(&self, reason: &str) -> bool {
        self.reason.name == reason
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
        Self::about_field(&INVALID_FIELD, field.into(), problem.into())
    }

    /// Rejects a request that asks for more than the limit.
    pub fn too_large(field: &'static str, asked: u64, limit: u64) -> Self {
        let problem = format!("is {asked}, and at most {limit} are allowed");
        Self::about_field(&TOO_LARGE, field.to_owned(), problem)
            .with_figure("asked", asked)
            .with_figure("limit", limit)
    }

    fn about_field(reason: &'static Reason, field: String, problem: String) -> Self {
        let message = format!("{field}: {problem}");
        let refusal = Self::new(reason, message).with_figure("field", &field);
        Self {
            subject: Some(Subject::Field { field, problem }),
            ..refusal
        }
    }

    /// Rejects a request whose message is larger than `limit` bytes.
    pub fn request_too_large(limit: u64) -> Self {
        let message = format!("the request is larger than {limit} bytes");
        Self::new(&REQUEST_TOO_LARGE, message).with_figure("limit", limit)
    }

    /// Rejects a request that cannot be decoded as the message of its method.
    pub fn malformed(why: &str) -> Self {
        let message = format!("the request cannot be read: {why}");
        Self::explained(&MALFORMED, message, why)
    }

    /// Rejects a request whose frames break the protocol.
    pub fn protocol_error(why: &str) -> Self {
        Self::explained(&PROTOCOL_ERROR, why, why)
    }

    /// Rejects a request that is compressed in a way that the server does not know.
    pub fn unsupported_encoding(why: &str) -> Self {
        Self::explained(&UNSUPPORTED_ENCODING, why, why)
    }

    /// Rejects a request for a method that the server does not have.
    pub fn unknown_method() -> Self {
        Self::new(&UNKNOWN_METHOD, "there is no such method")
    }

    /// Rejects a request for a service that another listener of the server has.
    pub fn other_listener(service: &str, listener: &str) -> Self {
        let message =
            format!("{service} is served on the {listener} listener, and not on this one");
        Self::new(&OTHER_LISTENER, message)
            .with_figure("service", service)
            .with_figure("listener", listener)
    }

    /// Rejects a request that names a thing that does not exist.
    pub fn not_found(why: &str) -> Self {
        let message = format!("there is no such thing: {why}");
        Self::explained(&NOT_FOUND, message, why)
    }

    /// Rejects a request whose answer would be larger than `limit` bytes.
    pub fn answer_too_large(limit: u64) -> Self {
        let message =
            format!("the answer would be larger than {limit} bytes: ask for fewer members");
        Self::new(&ANSWER_TOO_LARGE, message).with_limit("answer_bytes", limit)
    }
}

/// The refusals of a server that cannot answer now.
impl Refusal {
    /// Rejects a request because `limit` of them are already in progress.
    pub fn busy(what: &'static str, limit: u64) -> Self {
        let message = format!("{what}: at most {limit} at a time");
        Self::new(&BUSY, message)
            .with_figure("what", what)
            .with_limit(what, limit)
    }

    /// Rejects a request because the server does not serve.
    pub fn not_serving(why: &str) -> Self {
        let message = format!("the server is not serving: {why}");
        Self::explained(&NOT_SERVING, message, why)
    }

    /// Ends a call on which nothing was sent for a time. The caller may open another one.
    pub fn idle(idle: Duration) -> Self {
        let milliseconds = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let message =
            format!("nothing was sent on this call for {milliseconds} ms: open another one");
        Self::new(&IDLE, message).with_figure("idle_ms", milliseconds)
    }

    /// Rejects a request because the server is shutting down.
    pub fn shutting_down() -> Self {
        Self::not_serving("shutting down")
    }

    /// Rejects a request whose deadline has passed.
    pub fn deadline() -> Self {
        Self::new(&DEADLINE, "the deadline passed")
    }

    /// Ends a call that its caller, or a library below, has cancelled.
    pub fn cancelled(why: &str) -> Self {
        let message = format!("the call was cancelled: {why}");
        Self::explained(&CANCELLED, message, why)
    }

    /// Rejects a request because data that the answer needs is corrupt.
    pub fn corrupt(what: &'static str, why: &str) -> Self {
        let message = format!("{what} is corrupt: {why}");
        Self::explained(&CORRUPT, message, why).with_figure("what", what)
    }

    /// Rejects a request because the server failed.
    pub fn internal(why: impl Into<String>) -> Self {
        let why = why.into();
        Self::explained(&INTERNAL, why.as_str(), &why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_figures_of_its_reason() {
        let check = |refusal: Refusal| {
            for (name, _) in &refusal.figures {
                assert!(refusal.reason.figures.contains(name), "{refusal:?}: {name}");
            }
            assert_eq!(
                refusal.figures.len(),
                refusal.reason.figures.len(),
                "{refusal:?}"
            );
        };
        check(Refusal::field("viewer_id", "must not be 0"));
        check(Refusal::too_large("member_ids", 1001, 1000));
        check(Refusal::request_too_large(5));
        check(Refusal::malformed("why"));
        check(Refusal::protocol_error("why"));
        check(Refusal::unsupported_encoding("why"));
        check(Refusal::unknown_method());
        check(Refusal::other_listener("a.B", "admin"));
        check(Refusal::not_found("why"));
        check(Refusal::answer_too_large(5));
        check(Refusal::busy("sessions", 5));
        check(Refusal::not_serving("why"));
        check(Refusal::deadline());
        check(Refusal::cancelled("why"));
        check(Refusal::corrupt("the log", "why"));
        check(Refusal::internal("why"));
    }

    #[test]
    fn an_explanation_stands_for_the_message() {
        let refusal = Refusal::not_serving("the log is damaged");
        assert_eq!(refusal.why(), "the log is damaged");
        assert_eq!(Refusal::deadline().why(), "the deadline passed");
        assert_eq!(Refusal::field("a", "b").wrong_field(), Some("a"));
        assert!(refusal.is("NOT_SERVING") && !refusal.is("BUSY"));
    }
}
