//! A member's id.

use crate::number_text;
use std::num::NonZeroU64;

/// The public id of a member. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(NonZeroU64);

impl MemberId {
    /// Wraps a number. `None` for 0.
    #[inline]
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Wraps a number. 1 for 0.
    pub(crate) fn not_0(id: u64) -> Self {
        Self(NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns the number.
    #[must_use]
    #[inline]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

number_text!(MemberId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_member() {
        assert_eq!(MemberId::new(0), None);
        assert_eq!(MemberId::new(7).map(MemberId::get), Some(7));
    }
}
