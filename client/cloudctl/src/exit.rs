//! Errors of a command: their exit codes, and their messages.

use crate::answer::Answer;
use cloud_client::Error;
use cloud_terminal::{note, print};
use serde_json::json;
use std::{io, process::ExitCode};

const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;
const DEADLINE: u8 = 4;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Server(#[from] Error),
    /// The command line is wrong, or a file that it names.
    #[error("{0}")]
    Usage(String),
    /// A member of a change does not exist.
    #[error("there is no member {0}: give --create to create one")]
    NoMember(u64),
    /// No requested member exists. The answer states that too.
    #[error("none of these members exists")]
    Nobody(Box<Answer>),
    #[error("the server ended the call without an answer")]
    Unfinished,
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl Failed {
    fn code(&self) -> u8 {
        match self {
            Self::Server(Error::Unreachable { .. }) => UNREACHABLE,
            Self::Server(Error::Deadline(_)) => DEADLINE,
            Self::Server(Error::Address { .. }) | Self::Usage(_) => USAGE,
            Self::Server(_)
            | Self::NoMember(_)
            | Self::Nobody(_)
            | Self::Unfinished
            | Self::Output(_) => REFUSED,
        }
    }

    /// Prints the error on stderr, and with `json` as JSON on stdout too.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        note(format_args!("cloudctl: {self}"));
        if let Self::Nobody(answer) = self {
            // The message stands on stderr, and the exit code says the rest.
            let _ = answer.print(json);
        } else if json {
            let failure = match self {
                Self::Server(error) => error.failure(),
                _ => None,
            };
            let fields = failure.iter().flat_map(|failure| &failure.fields);
            let fields: Vec<_> = fields
                .map(|violation| {
                    json!({ "field": violation.field, "description": violation.description })
                })
                .collect();
            let error = json!({
                "message": self.to_string(),
                "code": failure.map(|failure| format!("{:?}", failure.code)),
                "reason": failure.map(|failure| &failure.reason),
                "metadata": failure.map(|failure| &failure.metadata),
                "resource": failure
                    .and_then(|failure| failure.resource.as_ref())
                    .map(|(_, name)| name),
                "fields": fields,
            });
            // The message stands on stderr, and the exit code says the rest.
            let _ = print(format_args!("{}\n", json!({ "error": error })));
        }
        ExitCode::from(self.code())
    }
}
