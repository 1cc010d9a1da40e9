//! Why a request is not answered, on any server: by consequence, with the figures that go with it.
//!
//! How each looks on the wire stands in `status.rs`.

/// Twice the name of a log. Details are sent in a header, which is not sent when it is too long.
const SAID_AGAIN_CHARS: usize = 64;

/// The caller's request is not answered, for this reason. The messages say what each field is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's message names its fields")]
pub enum Refusal {
    // The request is wrong.
    #[error("{field}: {problem}")]
    Field { field: String, problem: String },
    #[error("the request cannot be read: {reason}")]
    Malformed { reason: String },
    #[error("{reason}")]
    Unimplemented { reason: String },
    #[error("there is no such thing: {reason}")]
    NotFound { reason: String },
    #[error("the request is larger than {limit} bytes")]
    RequestTooLarge { limit: u64 },
    #[error("{field} is {asked}, and at most {limit} are allowed")]
    TooLarge {
        field: &'static str,
        asked: u64,
        limit: u64,
    },
    #[error("this server follows log {ours}, and was asked about log {asked}")]
    OtherLog { ours: String, asked: String },
    #[error(
        "this server only follows the log that {owner} owns: subscribe there, and publish on its admin listener"
    )]
    NotOwner { owner: String },
    #[error(
        "the log keeps no windows directly after SCN {after_scn}: the oldest to resume after is {oldest_after_scn}"
    )]
    Dropped {
        after_scn: u64,
        oldest_after_scn: u64,
    },
    #[error("SCN {after_scn} is beyond the log's head, {head}")]
    BeyondHead { after_scn: u64, head: u64 },
    // The request is too much now.
    #[error("{what}: at most {limit} at a time")]
    Busy { what: &'static str, limit: u64 },
    #[error("the subscriber took nothing for {stalled_ms} ms: resume after SCN {resume_after_scn}")]
    SlowSubscriber {
        stalled_ms: u64,
        resume_after_scn: u64,
    },
    #[error("the publisher took no answer for {stalled_ms} ms")]
    SlowPublisher { stalled_ms: u64 },
    // Try again.
    #[error("the server is not serving: {reason}")]
    NotServing { reason: String },
    #[error("the change was not made durable: {reason}")]
    NotDurable { reason: String },
    #[error("the deadline passed")]
    Deadline,
    // The server is in trouble.
    #[error("{what} is corrupt: {reason}")]
    Corrupt { what: &'static str, reason: String },
    #[error("{reason}")]
    Internal { reason: String },
}

impl Refusal {
    /// What is wrong with one field of the request.
    pub fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// The caller asked about another log than this one. Of a text that names none, the beginning is said again.
    pub fn other_log(ours: &str, asked: &str) -> Self {
        Self::OtherLog {
            ours: ours.to_owned(),
            asked: asked.chars().take(SAID_AGAIN_CHARS).collect(),
        }
    }

    /// The server was told to end.
    pub fn shutting_down() -> Self {
        Self::NotServing {
            reason: "shutting down".to_owned(),
        }
    }
}
