//! One step further: the neighbours of many nodes, put together in a scratch set.

use crate::budget::{Budget, Stopped};
use crate::graph::Graph;
use crate::ids::NodeIndex;
use crate::scratch::Scratch;

/// Inserts all neighbours of `nodes`, each edge visited once. When it is stopped, the scratch is empty.
pub(crate) fn gather(
    graph: &Graph,
    nodes: impl IntoIterator<Item = u32>,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<(), Stopped> {
    scratch.reserve(graph.node_bound());
    for node in nodes {
        let neighbours = graph.neighbours(NodeIndex::new(node));
        if let Err(stopped) = budget.spend(neighbours.count_max()) {
            scratch.clear();
            return Err(stopped);
        }
        neighbours.for_each(|node| scratch.insert(node.get()));
    }
    Ok(())
}
