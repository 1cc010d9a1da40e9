//! The rows of a core database that belong to no member.

/// The rows that a build from a core database drops because their members do not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WithoutMember {
    /// The rows with further fields of members.
    pub profiles: u64,
    /// The rows of positions.
    pub positions: u64,
    /// The rows of connections one of whose ends does not exist.
    pub connections: u64,
}
