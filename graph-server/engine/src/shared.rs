//! "Whom do these two both know?"

use std::cmp::Ordering;

use crate::budget::{Budget, Stopped};
use crate::graph::Graph;
use crate::ids::{MemberId, NodeIndex};
use crate::members_page::{MembersPage, MembersPageBuilder};

/// Beyond this ratio of lengths, searching the longer list for each member of the shorter one beats walking both.
pub(crate) const SEARCH_RATIO: usize = 32;

/// The members connected to both, ascending by member id. O(d + d'), or O(d log d') when d' is much longer.
pub fn shared_connections(
    graph: &Graph,
    one: NodeIndex,
    other: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<MemberId>, Stopped> {
    let mut shared: Vec<MemberId> = shared_nodes(graph, one, other, budget)?
        .into_iter()
        .map(|node| graph.member(node))
        .collect();
    shared.sort_unstable();
    Ok(shared)
}

/// A page of them: those above `after`, at most `limit`.
pub fn shared_page(
    graph: &Graph,
    one: NodeIndex,
    other: NodeIndex,
    (after, limit): (Option<MemberId>, usize),
    budget: &mut Budget<'_>,
) -> Result<MembersPage, Stopped> {
    let mut page = MembersPageBuilder::new(after, limit);
    shared_nodes(graph, one, other, budget)?
        .into_iter()
        .for_each(|node| page.push(graph.member(node)));
    Ok(page.finish())
}

/// The nodes connected to both, ascending.
pub(crate) fn shared_nodes(
    graph: &Graph,
    one: NodeIndex,
    other: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<NodeIndex>, Stopped> {
    let (mut shorter, mut longer) = (graph.neighbours(one), graph.neighbours(other));
    if shorter.count_max() > longer.count_max() {
        std::mem::swap(&mut shorter, &mut longer);
    }
    if let Some(longer) = longer
        .as_slice()
        .filter(|longer| longer.len() / SEARCH_RATIO > shorter.count_max())
    {
        budget.spend(shorter.count_max() * longer.len().ilog2() as usize)?;
        return Ok(shorter
            .filter(|node| longer.binary_search(&node.get()).is_ok())
            .collect());
    }
    budget.spend(shorter.count_max() + longer.count_max())?;
    Ok(intersection(shorter, longer).collect())
}

/// What two ascending sequences have in common.
fn intersection(
    one: impl Iterator<Item = NodeIndex>,
    other: impl Iterator<Item = NodeIndex>,
) -> impl Iterator<Item = NodeIndex> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || {
        loop {
            match one.peek()?.cmp(other.peek()?) {
                Ordering::Less => one.next(),
                Ordering::Greater => other.next(),
                Ordering::Equal => {
                    other.next();
                    return one.next();
                }
            };
        }
    })
}
