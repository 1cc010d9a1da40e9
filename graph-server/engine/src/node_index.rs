//! A member's place in the arrays.

use cloud_model::{MemberId, number_text};

/// A member, as the arrays know it: dense, from 0. A node index is given once and never to another member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeIndex(u32);

impl NodeIndex {
    /// The node index with this number.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number, to index an array by.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

number_text!(NodeIndex);

/// A member id from a place where 0 was refused on the way in.
pub(crate) fn member_checked_before(id: u64) -> MemberId {
    match MemberId::new(id) {
        Some(member) => member,
        None => unreachable!("member id 0 is refused when a base is opened and by MemberId::new"),
    }
}
