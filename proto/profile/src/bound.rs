//! A bound of profiles, which a change may not exceed.

use crate::limits::{ATTRIBUTES_MAX, POSITIONS_MAX, PROFILE_BYTES_MAX};

/// The bound that a change would exceed. The profile stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bound {
    /// The member has [`POSITIONS_MAX`] positions, and the change is about another one.
    #[error("a member has at most {POSITIONS_MAX} positions")]
    Positions,
    /// The member has [`ATTRIBUTES_MAX`] attributes, and would have more.
    #[error("a member has at most {ATTRIBUTES_MAX} attributes")]
    Attributes,
    /// The profile would be larger than before, and than [`PROFILE_BYTES_MAX`].
    #[error("a profile has at most {PROFILE_BYTES_MAX} bytes")]
    Bytes,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Self; 3] = [Self::Positions, Self::Attributes, Self::Bytes];

    /// Returns the name of the bound in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Positions => "positions",
            Self::Attributes => "attributes",
            Self::Bytes => "bytes",
        }
    }
}
