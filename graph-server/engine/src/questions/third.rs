//! The 3rd degree: who is connected to a member at 2nd degree, and stands no nearer. No view holds it; it is gathered when it
//! is asked for, and visits every edge of the 2nd degree.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        gather::gather,
        view::View,
    },
    sets::scratch::Scratch,
};

/// The edges that the 3rd degree of a view visits, or more than `limit` if it is more than that.
pub fn third_cost(graph: &Graph, view: &View, limit: u64) -> u64 {
    // At least one of each: for a hub that alone may be more.
    let members = view.second().len();
    if members > limit {
        return members;
    }
    let mut cost = 0;
    for node in view.second() {
        cost += graph.neighbours(NodeIndex::new(node)).count_max() as u64;
        if cost > limit {
            break;
        }
    }
    cost
}

/// Leaves the nodes at 3rd degree in the scratch; the view must hold for the graph.
pub(crate) fn gather_third(
    graph: &Graph,
    view: &View,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<(), Stopped> {
    debug_assert!(view.holds_for(graph));
    gather(graph, view.second(), scratch, budget)?;
    // The viewer is no neighbour of a member at 2nd degree.
    view.first()
        .iter()
        .chain(view.second())
        .for_each(|node| scratch.remove(node));
    Ok(())
}
