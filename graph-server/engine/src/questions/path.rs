//! "Through whom do I know this member?"

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        shared::shared_nodes,
        view_at::ViewAt,
    },
};
use cloud_model::MemberId;

/// Returns a shortest path of up to three edges from the viewer to the target, both included. Empty
/// when there is none. Among the shortest paths it is the smallest by member ids, read from the
/// target's end. O(connections of the target and of the viewer).
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn shortest_path(
    view: &mut ViewAt<'_>,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<MemberId>, Stopped> {
    let graph = view.graph();
    let path = |nodes: &[NodeIndex]| Ok(nodes.iter().map(|&node| graph.member(node)).collect());
    let viewer = view.viewer();
    if target == viewer {
        return path(&[viewer]);
    }
    if view.is_first(target) {
        return path(&[viewer, target]);
    }
    if view.is_second(target, budget)? {
        let through = smallest(graph, shared_nodes(graph, viewer, target, budget)?);
        return through.map_or(Ok(Vec::new()), |through| path(&[viewer, through, target]));
    }
    let neighbours = graph.neighbours(target);
    budget.spend(neighbours.count_max())?;
    let mut at_second = Vec::new();
    for neighbour in neighbours {
        if view.is_second(neighbour, budget)? {
            at_second.push(neighbour);
        }
    }
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
