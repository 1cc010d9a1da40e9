//! Why a change has no effect on a profile.

use crate::{bound::Bound, key_conflict::KeyConflict};

/// Why a change has no effect on a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The profile would exceed a bound.
    #[error(transparent)]
    OverBound(#[from] Bound),
    /// The member has another key.
    #[error(transparent)]
    KeyConflict(#[from] KeyConflict),
}
