//! The kind of a restriction.

use crate::number_text;

/// The kind of a restriction that stands against a member. The number alone says whether the kind
/// hides the member, so that every version treats a kind alike, known by name or not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestrictionKind(u16);

impl RestrictionKind {
    /// The largest number of a kind.
    pub const MAX: u16 = 999;
    /// The largest number of a kind that hides.
    pub const HIDES_MAX: u16 = 99;

    /// Returns the kind with this number, from 1 to [`MAX`](Self::MAX).
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        let number = u16::try_from(number).ok()?;
        (1..=Self::MAX).contains(&number).then_some(Self(number))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// Returns whether the kind hides the member from everyone else.
    #[must_use]
    pub fn hides(self) -> bool {
        self.0 <= Self::HIDES_MAX
    }
}

number_text!(RestrictionKind);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_says_whether_a_kind_hides() {
        let hides = |number| RestrictionKind::new(number).map(RestrictionKind::hides);
        assert_eq!([1, 99].map(hides), [Some(true); 2]);
        assert_eq!([100, 999].map(hides), [Some(false); 2]);
        assert_eq!([0, 1_000, 1 << 16 | 1].map(hides), [None; 3]);
    }
}
