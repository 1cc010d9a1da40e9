//! "How are these members connected with each other?"

use std::cmp::Ordering;

use crate::{
    graph::Graph,
    neighbours::Neighbours,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        connections::ConnectionsError,
    },
};
use cloud_model::{ConnectionTime, MemberId};

/// A connection between two members of a subgraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubgraphConnection {
    /// The member with the smaller id.
    pub member: MemberId,
    /// The member with the larger id.
    pub other: MemberId,
    /// The time at which the connection was made; unknown unless it was requested.
    pub time: ConnectionTime,
}

/// Returns the connections among these nodes, each once, ascending by member and other member. A
/// node that is named again adds nothing.
///
/// Each connection is found, and its time read, at the end with fewer neighbours. For `k` nodes
/// that costs O(d + k) or O(k log d) for each, whichever is less.
///
/// # Errors
/// [`ConnectionsError`] when the budget is exceeded or the times cannot be read.
pub fn subgraph(
    graph: &Graph,
    nodes: &[NodeIndex],
    with_times: bool,
    budget: &mut Budget<'_>,
) -> Result<Vec<SubgraphConnection>, ConnectionsError> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    nodes.dedup();
    let length = |node: NodeIndex| (graph.neighbours(node).count_max(), node);
    let lengths: Vec<_> = nodes.iter().map(|&node| length(node)).collect();
    let mut connections = Vec::new();
    for &own in &lengths {
        let (_, node) = own;
        let longer = nodes
            .iter()
            .zip(&lengths)
            .filter(|(_, other)| **other > own);
        let longer: Vec<NodeIndex> = longer.map(|(&other, _)| other).collect();
        let found = connected(graph.neighbours(node), &longer, budget)?;
        let times = if with_times {
            let times = graph.times(node, &found);
            budget.spend(times.cost())?;
            times.read()?
        } else {
            vec![ConnectionTime::UNKNOWN; found.len()]
        };
        let one = graph.member(node);
        connections.extend(found.into_iter().zip(times).map(|(other, time)| {
            let other = graph.member(other);
            SubgraphConnection {
                member: one.min(other),
                other: one.max(other),
                time,
            }
        }));
    }
    connections.sort_unstable();
    Ok(connections)
}

/// Returns those of `others`, which ascend, that are in the row.
fn connected(
    row: Neighbours<'_>,
    others: &[NodeIndex],
    budget: &mut Budget<'_>,
) -> Result<Vec<NodeIndex>, Stopped> {
    let edges = row.count_max();
    let looked_up = others.len() * (edges.checked_ilog2().unwrap_or(0) as usize + 1);
    if looked_up < edges + others.len() {
        budget.spend(looked_up)?;
        let is_connected = |other: &NodeIndex| row.contains(other.get());
        return Ok(others.iter().copied().filter(is_connected).collect());
    }
    budget.spend(edges + others.len())?;
    let (mut found, mut others) = (Vec::new(), others.iter().copied().peekable());
    for node in row {
        while others
            .next_if(|&other| other.cmp(&node) == Ordering::Less)
            .is_some()
        {}
        found.extend(others.next_if_eq(&node));
    }
    Ok(found)
}
