//! Why a question is not answered: what only this server says, and what any server does.
//!
//! [`Refusal`] is what the server's own code returns; how each looks on the wire stands in `status.rs`.

use cloud_serving as serving;

/// The caller's request is not answered, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no member {member_id}")]
    MemberNotFound { member_id: u64 },
    #[error("the answer would be larger than {limit} bytes: ask for fewer members")]
    AnswerTooLarge { limit: u64 },
    #[error("the request would visit more than {limit} edges")]
    EdgesExhausted { limit: u64 },
    #[error("SCN {reached} is what was reached in {waited_ms} ms; at_least asks for more")]
    NotReached { reached: u64, waited_ms: u64 },
    #[error("no snapshot was taken: {reason}")]
    NoSnapshot { reason: String },
    /// As any server says it.
    #[error(transparent)]
    Common(#[from] serving::Refusal),
}

impl Refusal {
    /// What is wrong with one field of the request.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        serving::Refusal::field(field, problem).into()
    }

    /// The request asks for more than one may.
    pub(crate) fn too_large(field: &'static str, asked: u64, limit: u64) -> Self {
        let refusal = serving::Refusal::TooLarge {
            field,
            asked,
            limit,
        };
        refusal.into()
    }

    /// So many are there already.
    pub(crate) fn busy(what: &'static str, limit: u64) -> Self {
        serving::Refusal::Busy { what, limit }.into()
    }
}
