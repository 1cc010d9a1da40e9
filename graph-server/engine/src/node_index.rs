//! A member's place in the arrays.

use cloud_model::{MemberId, number_text};

/// A member's number in the arrays: dense, from 0. It is assigned once and never to another member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeIndex(u32);

impl NodeIndex {
    /// Wraps a number.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Returns the number, for indexing an array.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

number_text!(NodeIndex);

/// Wraps a member id that was checked on the way in not to be 0.
pub(crate) fn member_checked_before(id: u64) -> MemberId {
    match MemberId::new(id) {
        Some(member) => member,
        None => unreachable!("member id 0 is refused when a base is opened and by MemberId::new"),
    }
}
