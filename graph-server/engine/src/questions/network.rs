//! Lists the members of a viewer's network at one degree, by id, a page at a time.

use crate::{
    graph::Graph,
    questions::{
        budget::{Budget, Stopped},
        member_list::MemberList,
        members_page::MembersPage,
        third::third_degree,
        view::View,
    },
    sets::scratch::Scratch,
};
use cloud_model::MemberId;

/// A degree that belongs to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkDegree {
    /// Connected to the viewer.
    First,
    /// Connected to a 1st-degree connection.
    Second,
    /// Connected to a member at 2nd degree.
    Third,
}

/// Returns at most `limit` members at `degree` above `after`. The view must hold for the graph. A
/// page of the 1st or 2nd degree costs the page; one of the 3rd visits each edge of the 2nd.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn network_members(
    graph: &Graph,
    view: &View,
    degree: NetworkDegree,
    page: (Option<MemberId>, usize),
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<MembersPage, Stopped> {
    debug_assert!(view.holds_for(graph));
    let third;
    let nodes = match degree {
        NetworkDegree::First => view.first(),
        NetworkDegree::Second => view.second(),
        NetworkDegree::Third => {
            third = third_degree(graph, view, scratch, budget)?;
            &third
        }
    };
    MemberList::nodes(nodes).page(graph, page, nodes.len(), budget)
}
