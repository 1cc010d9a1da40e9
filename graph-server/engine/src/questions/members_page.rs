//! A page of a list of members by id.

use crate::sets::smallest::Smallest;
use cloud_model::MemberId;

/// See the module. The next page goes on after its last member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersPage {
    /// Ascending.
    pub members: Vec<MemberId>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether there are more after this page.
    pub more: bool,
}

/// A page in the making: members come in any order, each once. O(n + limit log limit).
pub(crate) struct MembersPageBuilder {
    after: Option<MemberId>,
    total: u64,
    page: Smallest<MemberId>,
}

impl MembersPageBuilder {
    /// For the members above `after`, at most `limit`.
    pub(crate) fn new(after: Option<MemberId>, limit: usize) -> Self {
        Self {
            after,
            total: 0,
            page: Smallest::new(limit),
        }
    }

    pub(crate) fn push(&mut self, member: MemberId) {
        self.total += 1;
        if self.after.is_none_or(|after| member > after) {
            self.page.push(member);
        }
    }

    pub(crate) fn finish(self) -> MembersPage {
        let (members, more) = self.page.finish();
        MembersPage {
            members,
            total: self.total,
            more,
        }
    }
}
