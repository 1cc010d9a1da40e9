//! The system change number.

use crate::number_text;
use serde::{Deserialize, Serialize};

/// System change number: the place of a window in the log. It increases along the log and may have
/// gaps, so never count or add one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scn(u64);

impl Scn {
    /// The SCN before the first window.
    pub const BEGINNING: Scn = Scn(0);

    /// The SCN above every window.
    pub const MAX: Scn = Scn(u64::MAX);

    /// Wraps a number.
    #[must_use]
    #[inline]
    pub const fn new(scn: u64) -> Self {
        Self(scn)
    }

    /// Returns the number.
    #[must_use]
    #[inline]
    pub fn get(self) -> u64 {
        self.0
    }
}

number_text!(Scn);
