//! Expands a set by one step: collects the neighbours of many nodes in a scratch set.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        rows_ahead::each_row,
    },
    sets::scratch::Scratch,
};

/// Inserts all neighbours of `nodes` that are not hidden, visiting each edge once, and returns the
/// number of edges. When it is stopped, the scratch is empty.
///
/// Whether a node is hidden is looked up once for each node, not for each edge.
pub(crate) fn gather(
    graph: &Graph,
    nodes: impl IntoIterator<Item = u32>,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<u64, Stopped> {
    scratch.reserve(graph.node_bound());
    let nodes: Vec<NodeIndex> = nodes.into_iter().map(NodeIndex::new).collect();
    let mut edges = 0;
    let gathered = each_row(graph, &nodes, |neighbours| {
        budget.spend(neighbours.count_max())?;
        edges += neighbours.count_max() as u64;
        neighbours.for_each(|node| scratch.insert(node.get()));
        Ok(())
    });
    if let Err(stopped) = gathered {
        scratch.clear();
        return Err(stopped);
    }
    if graph.hides_some() {
        scratch.retain(|node| !graph.hides(NodeIndex::new(node)));
    }
    Ok(edges)
}
