//! A list of members: a row of the graph, a set of nodes, or the nodes that two rows share.
//!
//! Pages are taken from it by member id ([`id_page`](crate::questions::id_page)). It walks any
//! stretch of its nodes without the ones before, so that a page costs the page.

use std::ops::{ControlFlow, Range};

use crate::{
    graph::Graph,
    neighbours::Neighbours,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        id_page::id_page,
        members_page::MembersPage,
        shared::by_length,
    },
    sets::node_set::NodeSet,
};
use cloud_model::MemberId;

/// A list of the members of one graph.
#[derive(Clone, Debug)]
pub struct MemberList<'a>(Kind<'a>);

#[derive(Clone, Debug)]
enum Kind<'a> {
    Row(Neighbours<'a>),
    Set(&'a NodeSet),
    /// The nodes in both rows, of which the first is the shorter one.
    Shared(Neighbours<'a>, Neighbours<'a>),
}

impl<'a> MemberList<'a> {
    /// Returns the list of a node's connections.
    #[must_use]
    pub fn connections(graph: &'a Graph, node: NodeIndex) -> Self {
        Self(Kind::Row(graph.neighbours(node)))
    }

    /// Returns the list of the members at these nodes.
    #[must_use]
    pub fn nodes(nodes: &'a NodeSet) -> Self {
        Self(Kind::Set(nodes))
    }

    /// Returns the list of the members connected to both.
    #[must_use]
    pub fn shared(graph: &'a Graph, one: NodeIndex, other: NodeIndex) -> Self {
        let (shorter, longer) = by_length(graph.all_neighbours(one), graph.all_neighbours(other));
        let shorter = shorter.seen_from(graph.side_that_hides());
        Self(Kind::Shared(shorter, longer))
    }

    /// Returns the number of members. O(1), plus a search for each change of a row. A shared list
    /// is walked, and so is a row of which some may be hidden.
    ///
    /// # Errors
    /// [`Stopped`] when the budget is exceeded.
    pub fn total(&self, budget: &mut Budget<'_>) -> Result<u64, Stopped> {
        match &self.0 {
            Kind::Row(row) => {
                budget.spend(row.count_cost())?;
                Ok(row.clone().count() as u64)
            }
            Kind::Set(nodes) => Ok(nodes.len()),
            Kind::Shared(..) => {
                let mut total = 0;
                self.walk(0..u32::MAX, budget, |_| {
                    total += 1;
                    ControlFlow::Continue(())
                })?;
                Ok(total)
            }
        }
    }

    /// Returns the page of at most `limit` members above `after`, of a list with this total.
    ///
    /// # Errors
    /// [`Stopped`] when the budget is exceeded.
    pub fn page(
        &self,
        graph: &Graph,
        (after, limit): (Option<MemberId>, usize),
        total: u64,
        budget: &mut Budget<'_>,
    ) -> Result<MembersPage, Stopped> {
        let (members, more) = id_page(graph, self, (after, limit), budget)?;
        Ok(MembersPage {
            members: members.into_iter().map(|(member, _)| member).collect(),
            total,
            more,
        })
    }

    /// Returns an upper bound of the number of members. O(1).
    pub(crate) fn count_max(&self) -> usize {
        match &self.0 {
            Kind::Row(row) | Kind::Shared(row, _) => row.count_max(),
            Kind::Set(nodes) => nodes.len() as usize,
        }
    }

    /// Returns whether the node is in the list. O(log n), and O(1) for a set of bits.
    pub(crate) fn contains(&self, node: u32) -> bool {
        match &self.0 {
            Kind::Row(row) => row.contains(node),
            Kind::Set(nodes) => nodes.contains(node),
            Kind::Shared(shorter, longer) => shorter.contains(node) && longer.contains(node),
        }
    }

    /// Calls `visit` with the nodes in `range`, ascending, until it breaks. Spends one for each
    /// node and for each change of a row, and for shared nodes each edge visited.
    pub(crate) fn walk(
        &self,
        range: Range<u32>,
        budget: &mut Budget<'_>,
        mut visit: impl FnMut(u32) -> ControlFlow<()>,
    ) -> Result<(), Stopped> {
        let Range { start, end } = range;
        match &self.0 {
            Kind::Row(row) => {
                budget.spend(row.change_count())?;
                let mut row = row.clone();
                row.advance_to(start);
                for node in row {
                    budget.spend(1)?;
                    if node.get() >= end || visit(node.get()).is_break() {
                        break;
                    }
                }
            }
            Kind::Set(nodes) => {
                let mut nodes = nodes.iter();
                nodes.advance_to(start);
                for node in nodes {
                    budget.spend(1)?;
                    if node >= end || visit(node).is_break() {
                        break;
                    }
                }
            }
            Kind::Shared(shorter, longer) => {
                budget.spend(shorter.change_count() + longer.change_count())?;
                let (mut few, mut many) = (shorter.clone(), longer.clone());
                few.advance_to(start);
                many.advance_to(start);
                let below = few.map(NodeIndex::get).take_while(|&node| node < end);
                walk_shared(below, many, budget, visit)?;
            }
        }
        Ok(())
    }
}

/// Calls `visit` with the nodes of `few` that are in `many`, until it breaks. Looks each up when
/// `many` is much longer, and else walks both.
fn walk_shared(
    few: impl Iterator<Item = u32> + Clone,
    mut many: Neighbours<'_>,
    budget: &mut Budget<'_>,
    mut visit: impl FnMut(u32) -> ControlFlow<()>,
) -> Result<(), Stopped> {
    let looked_up = few.size_hint().1.unwrap_or(usize::MAX);
    if let Some(cost) = many.search_cost(looked_up) {
        let edges = cost.div_ceil(looked_up.max(1));
        for node in few {
            budget.spend(edges)?;
            if many.contains(node) && visit(node).is_break() {
                return Ok(());
            }
        }
        return Ok(());
    }
    let mut next = many.next();
    for node in few {
        budget.spend(1)?;
        while next.is_some_and(|other| other.get() < node) {
            budget.spend(1)?;
            next = many.next();
        }
        match next {
            None => break,
            Some(other) if other.get() == node && visit(node).is_break() => break,
            Some(_) => {}
        }
    }
    Ok(())
}
