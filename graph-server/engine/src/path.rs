//! "Through whom do I know this member?"

use crate::budget::{Budget, Stopped};
use crate::graph::Graph;
use crate::ids::{MemberId, NodeIndex};
use crate::shared::shared_nodes;
use crate::view::View;

/// A shortest path from the viewer to the target, both included, of up to three edges; empty when there is none. Among the
/// shortest paths, the one that is smallest by member id from the target's end backwards. The view must hold for the graph.
/// O(connections of the target and of the viewer).
pub fn shortest_path(
    graph: &Graph,
    view: &View,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<MemberId>, Stopped> {
    debug_assert!(view.holds_for(graph));
    let viewer = view.viewer();
    let mut backwards = vec![target];
    if target == viewer {
    } else if view.first().contains(target.get()) {
        backwards.push(viewer);
    } else if view.second().contains(target.get()) {
        backwards.extend(smallest(
            graph,
            shared_nodes(graph, viewer, target, budget)?,
        ));
        backwards.push(viewer);
    } else {
        let neighbours = graph.neighbours(target);
        budget.spend(neighbours.count_max())?;
        let at_second = neighbours.filter(|node| view.second().contains(node.get()));
        let Some(before) = smallest(graph, at_second) else {
            return Ok(Vec::new());
        };
        backwards.push(before);
        backwards.extend(smallest(
            graph,
            shared_nodes(graph, viewer, before, budget)?,
        ));
        backwards.push(viewer);
    }
    Ok(backwards
        .into_iter()
        .rev()
        .map(|node| graph.member(node))
        .collect())
}

fn smallest(graph: &Graph, nodes: impl IntoIterator<Item = NodeIndex>) -> Option<NodeIndex> {
    nodes.into_iter().min_by_key(|&node| graph.member(node))
}
