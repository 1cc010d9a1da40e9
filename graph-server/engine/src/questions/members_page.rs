//! A page of a list of members by id.

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
