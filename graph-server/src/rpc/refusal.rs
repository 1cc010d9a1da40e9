//! The refusals of a graph server: those of every server, and its own.
//!
//! [`Refusal`] is a type of this crate, so that the errors of the engine and of search convert to
//! it with `?`.

use cloud_engine::{ConnectionsError, FileError, Stopped};
use cloud_model::Scn;
use cloud_search::SearchError;
use cloud_serving::{self as serving, ListenerKind, reasons};
use std::{ops::Deref, time::Duration};
use tonic::Status;

reasons! {
    /// The reasons of a graph server, beside those of every server and of a log.
    REASONS:
    MEMBER_NOT_FOUND = NotFound [member_id]
        "The viewer, or the one member of the request, does not exist. ResourceInfo names it.";
    EDGES_EXHAUSTED = FailedPrecondition [limit]
        "The answer needs more edges than one request may visit. Ask for a lower degree or less.";
    NOT_REACHED = Unavailable [scn]
        "The server has not reached at_least in time. Retry, or use another server.";
    NO_SNAPSHOT = Unavailable [why]
        "No snapshot was taken. The server tries again; retry later.";
    NO_BACKUP = Unavailable [why]
        "No backup was taken, and nothing is left of it. The figure says what to mend.";
    SLOW_READER = ResourceExhausted [stalled_ms]
        "The caller read nothing of its stream for too long. Read faster, or in pages.";
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(serving::Refusal);

impl Refusal {
    /// One field of the request is wrong.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self(serving::Refusal::field(field, problem))
    }

    /// A value of the request is above its limit.
    pub(crate) fn too_large(field: &'static str, asked: u64, limit: u64) -> Self {
        Self(serving::Refusal::too_large(field, asked, limit))
    }

    /// The server already has as many of these as the limit allows.
    pub(crate) fn busy(what: &'static str, limit: u64) -> Self {
        Self(serving::Refusal::busy(what, limit))
    }

    /// The viewer, or another member in the request, does not exist.
    pub(crate) fn member_not_found(member_id: u64) -> Self {
        let message = format!("there is no member {member_id}");
        let refusal = serving::Refusal::new(&MEMBER_NOT_FOUND, message);
        let refusal = refusal.with_figure("member_id", member_id);
        Self(refusal.with_resource("member", member_id.to_string()))
    }

    /// The answer would be larger than this many bytes.
    pub(crate) fn answer_too_large(limit: u64) -> Self {
        Self(serving::Refusal::answer_too_large(limit))
    }

    /// The request would visit more than this many edges.
    pub(crate) fn edges_exhausted(limit: u64) -> Self {
        let message = format!("the request would visit more than {limit} edges");
        Self(serving::Refusal::new(&EDGES_EXHAUSTED, message).with_limit("edges", limit))
    }

    /// Returns whether the request would visit too many edges.
    pub(crate) fn is_edges_exhausted(&self) -> bool {
        self.is(EDGES_EXHAUSTED.name)
    }

    /// A wait for `at_least` ran out at this SCN.
    pub(crate) fn not_reached(reached: Scn, waited_ms: u64) -> Self {
        let message =
            format!("SCN {reached} is what was reached in {waited_ms} ms; at_least asks for more");
        Self(serving::Refusal::new(&NOT_REACHED, message).with_figure("scn", reached))
    }

    /// The requested snapshot was not written.
    pub(crate) fn no_snapshot(why: &str) -> Self {
        let message = format!("no snapshot was taken: {why}");
        Self(serving::Refusal::explained(&NO_SNAPSHOT, message, why))
    }

    /// The requested backup was not taken.
    pub(crate) fn no_backup(why: &str) -> Self {
        let message = format!("no backup was taken: {why}");
        Self(serving::Refusal::explained(&NO_BACKUP, message, why))
    }

    /// The caller of a stream read nothing for too long.
    pub(crate) fn slow_reader(stall_max: Duration) -> Self {
        let stalled_ms = stall_max.as_millis();
        let message =
            format!("the caller read nothing for {stalled_ms} ms: read faster, or in pages");
        let refusal = serving::Refusal::new(&SLOW_READER, message);
        Self(refusal.with_figure("stalled_ms", stalled_ms))
    }

    /// Another listener serves the method.
    pub(crate) fn other_listener(method: &str, listener: ListenerKind) -> Self {
        let listener = listener.to_string();
        Self(serving::Refusal::other_listener(method, &listener))
    }
}

impl Deref for Refusal {
    type Target = serving::Refusal;

    fn deref(&self) -> &serving::Refusal {
        &self.0
    }
}

impl From<serving::Refusal> for Refusal {
    fn from(refusal: serving::Refusal) -> Self {
        Self(refusal)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        refusal.0.into()
    }
}

impl From<Stopped> for Refusal {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::EdgesExhausted { limit } => Self::edges_exhausted(limit),
            Stopped::Deadline => serving::Refusal::deadline().into(),
        }
    }
}

impl From<FileError> for Refusal {
    fn from(error: FileError) -> Self {
        serving::Refusal::corrupt("a file of the snapshot", &error.to_string()).into()
    }
}

impl From<ConnectionsError> for Refusal {
    fn from(error: ConnectionsError) -> Self {
        match error {
            ConnectionsError::Stopped(stopped) => stopped.into(),
            ConnectionsError::File(error) => error.into(),
        }
    }
}

impl From<SearchError> for Refusal {
    fn from(error: SearchError) -> Self {
        let why = error.to_string();
        let refusal = match error {
            SearchError::Stopped => serving::Refusal::deadline(),
            SearchError::OutOfStep { .. } => serving::Refusal::internal(why),
            SearchError::Index(_) => serving::Refusal::corrupt("the search index", &why),
        };
        refusal.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::StatusExt;

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
        let stopped = Stopped::EdgesExhausted { limit: 5 };
        check(
            stopped.into(),
            Code::FailedPrecondition,
            "EDGES_EXHAUSTED",
            ("limit", "5"),
        );
        check(
            Refusal::answer_too_large(5),
            Code::FailedPrecondition,
            "ANSWER_TOO_LARGE",
            ("limit", "5"),
        );
        check(
            Refusal::not_reached(Scn::new(4), 2000),
            Code::Unavailable,
            "NOT_REACHED",
            ("scn", "4"),
        );
        check(
            Refusal::slow_reader(Duration::from_millis(50)),
            Code::ResourceExhausted,
            "SLOW_READER",
            ("stalled_ms", "50"),
        );
        check(
            Refusal::no_snapshot("the disk is full"),
            Code::Unavailable,
            "NO_SNAPSHOT",
            ("why", "the disk is full"),
        );
        let common = serving::Refusal::internal("no graph");
        check(
            common.into(),
            Code::Internal,
            "INTERNAL",
            ("why", "no graph"),
        );
    }

    #[test]
    fn an_unknown_member_is_named() {
        let refusal = Refusal::member_not_found(7);
        check(
            refusal.clone(),
            Code::NotFound,
            "MEMBER_NOT_FOUND",
            ("member_id", "7"),
        );
        let status = Status::from(refusal);
        assert_eq!(
            status.get_details_resource_info().unwrap().resource_name,
            "7"
        );
    }
}
