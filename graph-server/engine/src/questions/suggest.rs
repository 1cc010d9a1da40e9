//! "Which members may I know?": the members at 2nd degree who share most connections with the
//! viewer.

use std::cmp::Reverse;

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        shared::{shared_cost, shared_nodes},
        view::View,
    },
    sets::{node_set::NodeSet, scratch::Scratch, smallest::Smallest},
};
use cloud_model::MemberId;

/// A suggested member. It is also the key from which the next page continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suggestion {
    /// A member at 2nd degree.
    pub member: MemberId,
    /// The number of connections that the viewer and the member share: exact, and at least 1.
    pub shared: u32,
}

/// The suggestions that are requested.
#[derive(Clone, Copy, Debug)]
pub struct SuggestionsQuestion<'a> {
    /// The viewer.
    pub viewer: NodeIndex,
    /// The last suggestion of the page before; `None` for the first page.
    pub after: Option<Suggestion>,
    /// The most suggestions of the page.
    pub limit: usize,
    /// The nodes that are not suggested.
    pub exclude: &'a NodeSet,
    /// The only nodes that are suggested; `None` for all.
    pub include: Option<&'a NodeSet>,
}

/// A page of the suggestions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuggestionsPage {
    /// The suggestions, in order.
    pub suggestions: Vec<Suggestion>,
    /// Whether more suggestions follow this page.
    pub more: bool,
}

/// The sort key of a suggestion.
type Key = (Reverse<u32>, MemberId);

/// Returns the members at 2nd degree with the most shared connections, and of equal ones the
/// smaller id first.
///
/// One walk over the edges of the viewer's connections meets each member once for each shared
/// connection: O([`View::cost`]). A few included members are looked up instead when that is less.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn suggest_connections(
    graph: &Graph,
    question: &SuggestionsQuestion<'_>,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<SuggestionsPage, Stopped> {
    let after = question.after.map(Suggestion::key);
    let mut most = Smallest::new(question.limit);
    let mut push = |node: u32, shared: u32| {
        let is_wanted = !question.exclude.contains(node)
            && question
                .include
                .is_none_or(|include| include.contains(node));
        if is_wanted {
            let key = (Reverse(shared), graph.member(NodeIndex::new(node)));
            let is_after = after.is_none_or(|after| key > after);
            if is_after && !graph.hides(NodeIndex::new(node)) {
                most.push(key);
            }
        }
    };
    match looked_up(graph, question) {
        Some((include, _)) => look_up(graph, question.viewer, include, budget, push)?,
        None => {
            tally(graph, question.viewer, scratch, budget)?;
            scratch.drain_tally(&mut push);
        }
    }
    let (most, more) = most.finish();
    let suggestion = |(Reverse(shared), member)| Suggestion { member, shared };
    Ok(SuggestionsPage {
        suggestions: most.into_iter().map(suggestion).collect(),
        more,
    })
}

/// Returns the edges that [`suggest_connections`] visits, or any number above `limit` if they are
/// more.
#[must_use]
pub fn suggestions_cost(graph: &Graph, question: &SuggestionsQuestion<'_>, limit: u64) -> u64 {
    match looked_up(graph, question) {
        Some((_, cost)) => cost,
        None => View::cost(graph, question.viewer, limit),
    }
}

/// Returns the included nodes and the cost of looking them up, if that is less than the walk.
fn looked_up<'a>(graph: &Graph, question: &SuggestionsQuestion<'a>) -> Option<(&'a NodeSet, u64)> {
    let include = question.include?;
    let own = graph.neighbours(question.viewer);
    let cost = |node| shared_cost(&own, &graph.neighbours(NodeIndex::new(node)));
    let cost = include.iter().map(cost).sum();
    (View::cost(graph, question.viewer, cost) > cost).then_some((include, cost))
}

/// Calls `visit` with each of the nodes at 2nd degree and the number of connections it shares with
/// the viewer.
fn look_up(
    graph: &Graph,
    viewer: NodeIndex,
    nodes: &NodeSet,
    budget: &mut Budget<'_>,
    mut visit: impl FnMut(u32, u32),
) -> Result<(), Stopped> {
    for node in nodes {
        let other = NodeIndex::new(node);
        if other == viewer || graph.connected(viewer, other) {
            continue;
        }
        let shared = shared_nodes(graph, viewer, other, budget)?.len();
        if shared > 0 {
            visit(node, shared as u32);
        }
    }
    Ok(())
}

/// Leaves the nodes at 2nd degree in the scratch, each counted once for each shared connection.
fn tally(
    graph: &Graph,
    viewer: NodeIndex,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<(), Stopped> {
    budget.spend(graph.neighbours(viewer).count_max())?;
    scratch.reserve(graph.node_bound());
    for node in graph.neighbours(viewer) {
        let neighbours = graph.all_neighbours(node);
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
    Ok(())
}

impl Suggestion {
    fn key(self) -> Key {
        (Reverse(self.shared), self.member)
    }
}
