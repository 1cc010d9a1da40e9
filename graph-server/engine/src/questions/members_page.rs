//! A page of a list of members by id.

use crate::sets::smallest::Smallest;
use cloud_model::MemberId;

/// A page of a list of members by id. The next page continues after its last member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersPage {
    /// The members, ascending by id.
    pub members: Vec<MemberId>,
    /// The number of members on all pages.
    pub total: u64,
    /// Whether more members follow this page.
    pub more: bool,
}

/// Collects a page from members in any order, each once. O(n + limit log limit).
pub(crate) struct MembersPageBuilder {
    after: Option<MemberId>,
    total: u64,
    page: Smallest<MemberId>,
}

impl MembersPageBuilder {
    /// Starts a page of at most `limit` members above `after`.
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
