//! "Which connections do these two share?"

use std::{borrow::Borrow, cmp::Ordering};

use crate::{
    graph::Graph,
    neighbours::Neighbours,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        member_list::MemberList,
        members_page::MembersPage,
    },
};
use cloud_model::MemberId;

/// Returns the members connected to both, ascending by member id. O(d + d'), or O(d log d') when d'
/// is much longer.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
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

/// Returns a page of the members connected to both: at most `limit` above `after`. A `total` that
/// is known saves the walk that counts them: the page then costs the page.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn shared_page(
    graph: &Graph,
    one: NodeIndex,
    other: NodeIndex,
    (after, limit): (Option<MemberId>, usize),
    total: Option<u64>,
    budget: &mut Budget<'_>,
) -> Result<MembersPage, Stopped> {
    let list = MemberList::shared(graph, one, other);
    let total = match total {
        Some(total) => total,
        None => list.total(budget)?,
    };
    list.page(graph, (after, limit), total, budget)
}

/// Returns the nodes connected to both, ascending.
pub(crate) fn shared_nodes(
    graph: &Graph,
    one: NodeIndex,
    other: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Vec<NodeIndex>, Stopped> {
    let (shorter, longer) = by_length(graph.all_neighbours(one), graph.all_neighbours(other));
    let shorter = shorter.seen_from(graph.side_that_hides());
    if let Some(cost) = longer.search_cost(shorter.count_max()) {
        budget.spend(cost)?;
        return Ok(shorter.filter(|node| longer.contains(node.get())).collect());
    }
    budget.spend(shorter.count_max() + longer.count_max())?;
    Ok(intersection(shorter, longer).collect())
}

/// Returns the edges that are visited to intersect two lists of neighbours.
#[must_use]
pub fn shared_cost(one: &Neighbours<'_>, other: &Neighbours<'_>) -> u64 {
    let (shorter, longer) = by_length(one, other);
    let walked = || shorter.count_max() + longer.count_max();
    let cost = longer.search_cost(shorter.count_max());
    cost.unwrap_or_else(walked) as u64
}

/// Returns the two with the shorter one first.
pub(crate) fn by_length<'a, N: Borrow<Neighbours<'a>>>(one: N, other: N) -> (N, N) {
    if one.borrow().count_max() <= other.borrow().count_max() {
        (one, other)
    } else {
        (other, one)
    }
}

/// Returns the intersection of two ascending sequences.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        base::base_graph::Base,
        overlay::{change::GraphChange, writer::Writer},
    };
    use cloud_model::{ConnectionTime, Scn};

    const HUB: u64 = 1;
    const MEMBERS: u64 = 2_000;

    fn member(id: u64) -> MemberId {
        MemberId::new(id).unwrap()
    }

    /// Builds a hub with every second member as neighbour, and a chain through all.
    fn graph_with_changes(changes: u64) -> Graph {
        let members: Vec<_> = (HUB..=MEMBERS).map(member).collect();
        let chain = (HUB + 1..MEMBERS).map(|id| (id, id + 1));
        let hub = (HUB + 1..=MEMBERS).step_by(2).map(|id| (HUB, id));
        let edges: Vec<_> = chain
            .chain(hub)
            .map(|(one, other)| (member(one), member(other), ConnectionTime::UNKNOWN))
            .collect();
        let base = Base::in_node_order(&members, &edges).unwrap();
        let mut writer = Writer::new(Arc::new(base), Scn::BEGINNING);
        for number in 0..changes {
            let (member, other) = (member(HUB), member(2 + number * 7919 % (MEMBERS - 2)));
            let change = match number % 3 {
                0 => GraphChange::ConnectionRemoved { member, other },
                _ => GraphChange::ConnectionAdded {
                    existing_only: false,
                    member,
                    other,
                    time: ConnectionTime::UNKNOWN,
                },
            };
            writer.apply(Scn::new(number + 1), &[change]).unwrap();
        }
        writer.version().graph()
    }

    #[test]
    fn a_long_list_is_searched_whether_it_has_changed_or_not() {
        for changes in [0, 1, 5, 700] {
            let graph = graph_with_changes(changes);
            let hub = graph.node(member(HUB)).unwrap();
            for id in HUB + 1..=MEMBERS {
                let other = graph.node(member(id)).unwrap();
                let of_hub: Vec<_> = graph.neighbours(hub).collect();
                let expected: Vec<_> = graph
                    .neighbours(other)
                    .filter(|node| of_hub.contains(node))
                    .collect();
                let mut budget = Budget::new(100 + changes, &|| false);
                let found = shared_nodes(&graph, hub, other, &mut budget);
                assert_eq!(found, Ok(expected), "{changes} changes, member {id}");
            }
        }
    }
}
