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
    let path = |nodes: &[NodeIndex]| Ok(nodes.iter().map(|&node| graph.member(node)).collect());
    let viewer = view.viewer();
    if target == viewer {
        return path(&[viewer]);
    }
    if view.first().contains(target.get()) {
        return path(&[viewer, target]);
    }
    if view.second().contains(target.get()) {
        let through = smallest(graph, shared_nodes(graph, viewer, target, budget)?);
        return through.map_or(Ok(Vec::new()), |through| path(&[viewer, through, target]));
    }
    let neighbours = graph.neighbours(target);
    budget.spend(neighbours.count_max())?;
    let at_second = neighbours.filter(|node| view.second().contains(node.get()));
    let Some(last) = smallest(graph, at_second) else {
        return Ok(Vec::new());
    };
    let through = smallest(graph, shared_nodes(graph, viewer, last, budget)?);
    through.map_or(Ok(Vec::new()), |through| {
        path(&[viewer, through, last, target])
    })
}

fn smallest(graph: &Graph, nodes: impl IntoIterator<Item = NodeIndex>) -> Option<NodeIndex> {
    nodes.into_iter().min_by_key(|&node| graph.member(node))
}
