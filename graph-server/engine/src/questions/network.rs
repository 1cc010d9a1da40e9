//! Lists the members of a viewer's network at one degree, by id, a page at a time.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        members_page::{MembersPage, MembersPageBuilder},
        third::gather_third,
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

/// Returns at most `limit` members at `degree` above `after`. The view must hold for the graph.
/// Every page visits each member of the degree once, so that the total is exact; for the 3rd degree
/// it visits each edge of the 2nd.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn network_members(
    graph: &Graph,
    view: &View,
    degree: NetworkDegree,
    (after, limit): (Option<MemberId>, usize),
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<MembersPage, Stopped> {
    debug_assert!(view.holds_for(graph));
    let mut page = MembersPageBuilder::new(after, limit);
    let push = |node| page.push(graph.member(NodeIndex::new(node)));
    let of_view = match degree {
        NetworkDegree::First => Some(view.first()),
        NetworkDegree::Second => Some(view.second()),
        NetworkDegree::Third => None,
    };
    match of_view {
        Some(nodes) => {
            budget.spend(nodes.len() as usize)?;
            nodes.iter().for_each(push);
        }
        None => {
            gather_third(graph, view, scratch, budget)?;
            scratch.drain_each(push);
        }
    }
    Ok(page.finish())
}
