//! "Which members may I know?": the members at 2nd degree who share most connections with the
//! viewer.

use std::cmp::Reverse;

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::budget::{Budget, Stopped},
    sets::{scratch::Scratch, smallest::Smallest},
};
use cloud_model::MemberId;

/// A suggested member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suggestion {
    /// A member at 2nd degree.
    pub member: MemberId,
    /// The number of connections that the viewer and the member share: exact, and at least 1.
    pub shared: u32,
}

/// Returns the `limit` members at 2nd degree with the most shared connections, and of equal ones
/// the smaller id first. One walk over the edges of the viewer's connections meets each member once
/// for each shared connection: O([`View::cost`]).
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
///
/// [`View::cost`]: crate::View::cost
pub fn suggest_connections(
    graph: &Graph,
    viewer: NodeIndex,
    limit: usize,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<Vec<Suggestion>, Stopped> {
    budget.spend(graph.neighbours(viewer).count_max())?;
    scratch.reserve(graph.node_bound());
    for node in graph.neighbours(viewer) {
        let neighbours = graph.neighbours(node);
        if let Err(stopped) = budget.spend(neighbours.count_max()) {
            scratch.drain_tally(|_, _| {});
            return Err(stopped);
        }
        neighbours.for_each(|node| scratch.tally(node.get()));
    }
    scratch.forget(viewer.get());
    graph
        .neighbours(viewer)
        .for_each(|node| scratch.forget(node.get()));
    let mut most = Smallest::new(limit);
    scratch.drain_tally(|node, shared| {
        most.push((Reverse(shared), graph.member(NodeIndex::new(node))));
    });
    let (most, _) = most.finish();
    let suggestion = |(Reverse(shared), member)| Suggestion { member, shared };
    Ok(most.into_iter().map(suggestion).collect())
}
