//! Two keys with one member id: a member keeps the key that came first.

use std::fmt;

/// The key that an upsert states and the other one that the member has. The profile stays as it
/// was.
///
/// The ids of members with keys are hashes, so two keys may have one id. An upsert with the second
/// key is about another member, whom the site cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConflict {
    /// The id of both.
    pub member_id: u64,
    /// The key that the member has.
    pub kept: String,
    /// The key that the upsert states.
    pub stated: String,
}

impl fmt::Display for KeyConflict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            member_id,
            kept,
            stated,
        } = self;
        write!(
            formatter,
            "member {member_id} has the key {kept:?}, and an upsert states {stated:?}: two keys \
             have one id, so choose another seed and bootstrap again"
        )
    }
}

impl std::error::Error for KeyConflict {}
