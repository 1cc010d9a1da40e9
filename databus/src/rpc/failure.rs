//! What the log answers when it cannot, as refusals of a request.

use crate::{AppendError, InvalidPart, InvalidWindow, ReadError};
use cloud_serving::Refusal;

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooOld {
                after_scn,
                oldest_after_scn,
            } => Self::Dropped {
                after_scn: after_scn.get(),
                oldest_after_scn: oldest_after_scn.get(),
            },
            ReadError::BeyondHead { after_scn, head } => Self::BeyondHead {
                after_scn: after_scn.get(),
                head: head.get(),
            },
            ReadError::Damaged { .. } | ReadError::UnknownChange { .. } => Self::Corrupt {
                what: "the log",
                reason: error.to_string(),
            },
            ReadError::File { .. } => Self::Internal {
                reason: error.to_string(),
            },
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
            AppendError::TooManySources { sources_max, .. } => Self::TooLarge {
                field: "part.source_id",
                asked: sources_max as u64 + 1,
                limit: sources_max as u64,
            },
            other => Self::NotDurable {
                reason: other.to_string(),
            },
        }
    }
}

/// The field is named from `prefix` on.
fn of_window(window: InvalidWindow, prefix: &str) -> Refusal {
    match window {
        InvalidWindow::Change { change, invalid } => Refusal::field(
            format!("{prefix}changes[{change}].{}", invalid.field),
            invalid.reason,
        ),
        InvalidWindow::Source(invalid) => {
            Refusal::field(format!("{prefix}{}", invalid.field), invalid.reason)
        }
        InvalidWindow::TooManyChanges { changes_max } => Refusal::TooLarge {
            field: "part.changes",
            asked: changes_max as u64 + 1,
            limit: changes_max as u64,
        },
        InvalidWindow::TooManyBytes { bytes_max } => Refusal::TooLarge {
            field: "part",
            asked: bytes_max as u64 + 1,
            limit: bytes_max as u64,
        },
    }
}
