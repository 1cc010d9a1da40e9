//! The 3rd degree: the members connected to one at 2nd degree, and not nearer themselves. No view
//! holds it. It is computed on request, by visiting every edge of the 2nd degree.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        gather::gather,
        view::View,
    },
    sets::{node_set::NodeSet, scratch::Scratch},
};

/// Returns the edges that the 3rd degree of a view visits, or any number above `limit` if they are
/// more.
#[must_use]
pub fn third_cost(graph: &Graph, view: &View, limit: u64) -> u64 {
    // Each member has at least one edge. For a hub that alone may exceed the limit.
    let members = view.second().len();
    if members > limit {
        return members;
    }
    let mut cost = 0;
    for node in view.second() {
        cost += graph.all_neighbours(NodeIndex::new(node)).count_max() as u64;
        if cost > limit {
            break;
        }
    }
    cost
}

/// Returns the nodes at 3rd degree. The view must hold for the graph. O([`third_cost`]).
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn third_degree(
    graph: &Graph,
    view: &View,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<NodeSet, Stopped> {
    gather_third(graph, view, scratch, budget)?;
    Ok(NodeSet::from_ascending(&scratch.drain()))
}

/// Leaves the nodes at 3rd degree in the scratch. The view must hold for the graph.
pub(crate) fn gather_third(
    graph: &Graph,
    view: &View,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<(), Stopped> {
    debug_assert!(view.holds_for(graph));
    gather(graph, view.second(), scratch, budget)?;
    // The viewer is not a neighbour of a member at 2nd degree.
    view.first()
        .iter()
        .chain(view.second())
        .for_each(|node| scratch.remove(node));
    Ok(())
}
