//! A page of a list in the order of member ids, from any place of that order.
//!
//! Nodes ascend in every list, and ids mostly ascend with them: a loader numbers nodes by id. The
//! base knows how many of its first nodes do. These are walked from the place of the last page's
//! end, and the page costs the page. The others have ids in any order:
//!
//! - nodes of the base: members that were added after the first build, or all nodes where they are
//!   numbered by community. The list's nodes among them are walked and the smallest ids kept; or
//!   ids are walked in order and looked up in the list, when that is less. A page of `k` from a
//!   list of `n` out of `m` nodes so costs O(min(n, k m / n)), which is O(sqrt(k m)) at most.
//! - members added since the base: those in the list are walked. A compaction bounds their number.

use std::ops::{ControlFlow, Range};

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        member_list::MemberList,
    },
    sets::smallest::Smallest,
};
use cloud_model::MemberId;

/// A member and the node.
pub(crate) type Listed = (MemberId, NodeIndex);

/// Returns at most `limit` members of the list above `after`, ascending by id, and whether more
/// follow.
pub(crate) fn id_page(
    graph: &Graph,
    list: &MemberList<'_>,
    (after, limit): (Option<MemberId>, usize),
    budget: &mut Budget<'_>,
) -> Result<(Vec<Listed>, bool), Stopped> {
    let base = graph.base();
    let (ascending, node_count) = (base.ascending_nodes(), base.node_count());
    // One more than the page shows whether there are more.
    let wanted = limit.saturating_add(1);
    let start = after.map_or(0, |after| base.first_ascending_above(after));
    let mut page = Vec::with_capacity(wanted.min(list.count_max()));
    list.walk(start..ascending, budget, |node| {
        page.push(listed(graph, node));
        until(page.len() == wanted)
    })?;
    if ascending < graph.node_bound() {
        let span = Span {
            after,
            through: page
                .last()
                .filter(|_| page.len() == wanted)
                .map(|last| last.0),
        };
        let mut others = Others {
            graph,
            list,
            span,
            found: Smallest::new(wanted),
        };
        others.take_base(ascending..node_count, wanted, budget)?;
        others.take_walked(node_count..graph.node_bound(), budget)?;
        let (found, _) = others.found.finish();
        if !found.is_empty() {
            page.extend(found);
            page.sort_unstable();
        }
    }
    let more = page.len() > limit;
    page.truncate(limit);
    Ok((page, more))
}

/// The ids that can be on a page.
#[derive(Clone, Copy)]
struct Span {
    after: Option<MemberId>,
    /// The last of enough members found so far.
    through: Option<MemberId>,
}

impl Span {
    fn contains(self, member: MemberId) -> bool {
        self.after.is_none_or(|after| member > after)
            && self.through.is_none_or(|through| member < through)
    }
}

/// The collector of members whose ids do not ascend with their nodes.
struct Others<'a> {
    graph: &'a Graph,
    list: &'a MemberList<'a>,
    span: Span,
    found: Smallest<Listed>,
}

impl Others<'_> {
    /// Collects from these nodes of the base, by the cheaper way.
    fn take_base(
        &mut self,
        nodes: Range<u32>,
        wanted: usize,
        budget: &mut Budget<'_>,
    ) -> Result<(), Stopped> {
        if nodes.is_empty() {
            return Ok(());
        }
        let ids = self.graph.base().ids();
        let Span { after, through } = self.span;
        let ranks = ids.ranks_between(after.map(MemberId::get), through.map(MemberId::get));
        let count = self.list.count_max().max(1);
        let walked = count.min(nodes.len());
        let until_enough = wanted.saturating_mul(nodes.end as usize) / count;
        if walked <= ranks.len().min(until_enough) {
            return self.take_walked(nodes, budget);
        }
        let mut enough = wanted;
        for rank in ranks {
            budget.spend(1)?;
            let node = ids.node(rank);
            if node >= nodes.start && self.list.contains(node) {
                self.found.push(listed(self.graph, node));
                enough -= 1;
                if enough == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Collects from these nodes by walking those in the list.
    fn take_walked(&mut self, nodes: Range<u32>, budget: &mut Budget<'_>) -> Result<(), Stopped> {
        if nodes.is_empty() {
            return Ok(());
        }
        let Self {
            graph,
            list,
            span,
            found,
        } = self;
        list.walk(nodes, budget, |node| {
            let listed = listed(graph, node);
            if span.contains(listed.0) {
                found.push(listed);
            }
            ControlFlow::Continue(())
        })
    }
}

fn listed(graph: &Graph, node: u32) -> Listed {
    let node = NodeIndex::new(node);
    (graph.member(node), node)
}

fn until(enough: bool) -> ControlFlow<()> {
    if enough {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}
