//! The error responses of a log, and the responses for the log's own errors.

use crate::{AppendError, InvalidPart, InvalidWindow, ReadError};
use cloud_model::{History, LogPoint, Scn};
use cloud_serving::{Refusal, reasons};

reasons! {
    /// The reasons of a log.
    REASONS:
    OTHER_LOG = FailedPrecondition [log_id, asked, scn, history, asked_history]
        "The request names another log than the server has, or another history of it. Begin again.";
    NOT_OWNER = FailedPrecondition [owner]
        "The server only follows the log. Connect to the owner that is named.";
    CAPTURED = FailedPrecondition [source_id, sources]
        "The log takes no windows of this source. Change one of the sources that are named.";
    TOO_MANY_SOURCES = FailedPrecondition [limit]
        "The log knows as many sources as the limit allows. Publish under one that it knows.";
    DROPPED = OutOfRange [after_scn, oldest_after_scn]
        "Retention deleted the windows after after_scn. Begin again from a newer snapshot.";
    BEYOND_HEAD = OutOfRange [after_scn, head]
        "The SCN is beyond the log's head. The subscriber followed another log, or lost changes.";
    SLOW_SUBSCRIBER = ResourceExhausted [resume_after_scn]
        "The subscriber read nothing for too long. Subscribe again after resume_after_scn.";
    SLOW_PUBLISHER = ResourceExhausted [stalled_ms]
        "The publisher read no answer for too long. Send the unanswered windows again.";
    NOT_DURABLE = Unavailable [why]
        "The window may not be durable. Send it again with the same source offset.";
}

/// The most characters of a log's name that are sent back: twice its length. Details are sent in a
/// header, which has a limit.
const ECHO_CHARS: usize = 64;

/// Returns the refusal of a request that names another log than this one.
pub fn other_log(ours: &str, asked: &str) -> Refusal {
    let asked: String = asked.chars().take(ECHO_CHARS).collect();
    let message = format!("this server has log {ours}, but the request names log {asked}");
    Refusal::new(&OTHER_LOG, message)
        .with_figure("log_id", ours)
        .with_figure("asked", asked)
        .with_log_condition("log_id")
}

/// Returns the refusal of a request whose point has another history than the log has there. The
/// log was restored from an older copy and written on, or the caller was.
pub fn other_history(log_id: &str, ours: LogPoint, asked: LogPoint) -> Refusal {
    let number = |point: LogPoint| format!("{:016x}", History::number(point.history));
    let message = format!(
        "log {log_id} has history {} at SCN {}, but the request names history {}: the log was \
         restored from a copy, and has other windows; bootstrap again",
        number(ours),
        asked.scn,
        number(asked),
    );
    Refusal::new(&OTHER_LOG, message)
        .with_figure("log_id", log_id)
        .with_figure("scn", asked.scn)
        .with_figure("history", number(ours))
        .with_figure("asked_history", number(asked))
        .with_log_condition("history")
}

/// Returns the refusal of a request that only the server that owns the log can serve.
pub fn not_owner(owner: &str) -> Refusal {
    let message = format!(
        "this server only follows the log that {owner} owns: subscribe there, and publish on its \
         admin listener"
    );
    Refusal::new(&NOT_OWNER, message)
        .with_figure("owner", owner)
        .with_log_condition("owner")
}

/// Returns the refusal of a window whose source the log does not take: its changes come from the
/// sources that are captured.
pub(super) fn captured(taken: &[String], asked: &str) -> Refusal {
    let message = format!(
        "this log takes windows of {} only, not of source {asked:?}: change one of those instead",
        taken.join(", ")
    );
    Refusal::new(&CAPTURED, message)
        .with_figure("source_id", asked)
        .with_figure("sources", taken.join(","))
        .with_log_condition("source_id")
}

/// Returns the refusal of a subscriber that read nothing for too long.
pub(super) fn slow_subscriber(stalled_ms: u64, resume_after: Scn) -> Refusal {
    let message =
        format!("the subscriber read nothing for {stalled_ms} ms: resume after SCN {resume_after}");
    Refusal::new(&SLOW_SUBSCRIBER, message).with_figure("resume_after_scn", resume_after)
}

/// Returns the refusal of a publisher that read no answer for too long.
pub(super) fn slow_publisher(stalled_ms: u64) -> Refusal {
    let message =
        format!("the publisher read no answer for {stalled_ms} ms: send unanswered windows again");
    Refusal::new(&SLOW_PUBLISHER, message).with_figure("stalled_ms", stalled_ms)
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooOld {
                after_scn,
                oldest_after_scn,
            } => {
                let message = format!(
                    "the log keeps no windows directly after SCN {after_scn}: the oldest to resume \
                     after is {oldest_after_scn}"
                );
                Self::new(&DROPPED, message)
                    .with_figure("after_scn", after_scn)
                    .with_figure("oldest_after_scn", oldest_after_scn)
            }
            ReadError::BeyondHead { after_scn, head } => {
                let message = format!("SCN {after_scn} is beyond the log's head, {head}");
                Self::new(&BEYOND_HEAD, message)
                    .with_figure("after_scn", after_scn)
                    .with_figure("head", head)
            }
            ReadError::Damaged { .. } | ReadError::UnknownChange { .. } => {
                Self::corrupt("the log", &error.to_string())
            }
            ReadError::File { .. } => Self::internal(error.to_string()),
        }
    }
}

impl From<InvalidPart> for Refusal {
    fn from(invalid: InvalidPart) -> Self {
        match invalid {
            InvalidPart::Window(window) => of_window(window, "part."),
            other => {
                let text = other.to_string();
                match text.split_once(": ") {
                    Some((field, problem)) if field.starts_with("part.") => {
                        Self::field(field, problem)
                    }
                    _ => Self::field("part", text),
                }
            }
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Invalid(window) => of_window(window, "part."),
            AppendError::TooManySources { sources_max, .. } => {
                let message = error.to_string();
                Self::new(&TOO_MANY_SOURCES, message).with_limit("sources", sources_max as u64)
            }
            other => {
                let why = other.to_string();
                let message = format!("the change was not made durable: {why}");
                Self::explained(&NOT_DURABLE, message, why)
            }
        }
    }
}

/// Returns the refusal of a window. The names of its fields begin with `prefix`.
fn of_window(window: InvalidWindow, prefix: &str) -> Refusal {
    let too_large = |field, limit: usize| {
        let limit = limit as u64;
        Refusal::too_large(field, limit + 1, limit)
    };
    match window {
        InvalidWindow::Change { change, invalid } => Refusal::field(
            format!("{prefix}changes[{change}].{}", invalid.field),
            invalid.reason,
        ),
        InvalidWindow::Source(invalid) => {
            Refusal::field(format!("{prefix}{}", invalid.field), invalid.reason)
        }
        InvalidWindow::TooManyChanges { changes_max } => too_large("part.changes", changes_max),
        InvalidWindow::TooManyBytes { bytes_max } => too_large("part", bytes_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::{Code, Status};
    use tonic_types::StatusExt;

    #[track_caller]
    fn check(refusal: Refusal, code: Code, reason: &str, (name, value): (&str, &str)) {
        let status = Status::from(refusal);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (status.code(), info.reason.as_str()),
            (code, reason),
            "{status}"
        );
        assert_eq!(info.metadata[name], value);
    }

    #[test]
    fn each_refusal_has_its_code_and_reason() {
        check(
            other_log("a", "b"),
            Code::FailedPrecondition,
            "OTHER_LOG",
            ("log_id", "a"),
        );
        let owner = "http://127.0.0.1:1";
        check(
            not_owner(owner),
            Code::FailedPrecondition,
            "NOT_OWNER",
            ("owner", owner),
        );
        let dropped = ReadError::TooOld {
            after_scn: Scn::new(3),
            oldest_after_scn: Scn::new(9),
        };
        check(
            dropped.into(),
            Code::OutOfRange,
            "DROPPED",
            ("oldest_after_scn", "9"),
        );
        let beyond = ReadError::BeyondHead {
            after_scn: Scn::new(3),
            head: Scn::new(2),
        };
        check(
            beyond.into(),
            Code::OutOfRange,
            "BEYOND_HEAD",
            ("head", "2"),
        );
        check(
            slow_subscriber(5, Scn::new(77)),
            Code::ResourceExhausted,
            "SLOW_SUBSCRIBER",
            ("resume_after_scn", "77"),
        );
        check(
            slow_publisher(5),
            Code::ResourceExhausted,
            "SLOW_PUBLISHER",
            ("stalled_ms", "5"),
        );
        let source = AppendError::TooManySources {
            source_id: "new".to_owned(),
            sources_max: 5,
        };
        check(
            source.into(),
            Code::FailedPrecondition,
            "TOO_MANY_SOURCES",
            ("limit", "5"),
        );
        check(
            AppendError::Closed.into(),
            Code::Unavailable,
            "NOT_DURABLE",
            ("why", "the log is closed"),
        );
    }
}
