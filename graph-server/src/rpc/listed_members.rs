//! The list that a call returns, in pages or as a stream: the members at a degree, or those that
//! two members are both connected to.

use crate::{read_context::ReadContext, rpc::refusal::Refusal};
use cloud_engine::{
    MemberList, MembersPage, NetworkDegree, NodeIndex, NodeSet, View, third_cost, third_degree,
};
use cloud_model::MemberId;
use std::sync::Arc;

/// A list of members of one context, by id.
pub(crate) enum ListedMembers {
    /// The viewer's connections.
    First,
    /// The 2nd degree, in the viewer's view.
    Second(Arc<View>),
    /// The 3rd degree, which no view holds.
    Third(NodeSet),
    /// The connections that the viewer shares with another member.
    Shared(NodeIndex),
}

impl ListedMembers {
    /// Returns the members at a degree of the viewer. The 2nd degree takes the viewer's view,
    /// cached or built; the 3rd visits each edge of the 2nd.
    pub(crate) async fn at_degree(
        context: &ReadContext,
        degree: NetworkDegree,
    ) -> Result<Self, Refusal> {
        if degree == NetworkDegree::First {
            return Ok(Self::First);
        }
        let view = context.view().await?;
        if degree == NetworkDegree::Second {
            return Ok(Self::Second(view));
        }
        let edges = third_cost(&context.graph, &view, context.inline_edges_max());
        let third = context.work(edges, move |context, budget| {
            let views = &context.site.views;
            let graph = &context.graph;
            Ok(views.with_scratch(|scratch| third_degree(graph, &view, scratch, budget))?)
        });
        third.await.map(Self::Third)
    }

    /// Returns the bytes of memory that this list keeps, even when the cache of views has evicted
    /// its view.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::First | Self::Shared(_) => 0,
            Self::Second(view) => view.bytes() as u64,
            Self::Third(nodes) => nodes.bytes() as u64,
        }
    }

    /// Returns a page of at most `limit` members above `after`. A `total` that is known is not
    /// counted again.
    pub(crate) async fn page(
        self: &Arc<Self>,
        context: &ReadContext,
        (after, limit): (Option<MemberId>, usize),
        total: Option<u64>,
    ) -> Result<MembersPage, Refusal> {
        let listed = Arc::clone(self);
        // A page mostly costs the page. One that costs more is started again on the heavy threads.
        let page = context.work(0, move |context, budget| {
            let list = listed.list(context);
            let total = match total {
                Some(total) => total,
                None => list.total(budget)?,
            };
            Ok(list.page(&context.graph, (after, limit), total, budget)?)
        });
        page.await
    }

    fn list<'a>(&'a self, context: &'a ReadContext) -> MemberList<'a> {
        let graph = &context.graph;
        match self {
            Self::First => MemberList::connections(graph, context.viewer),
            Self::Second(view) => MemberList::nodes(view.second()),
            Self::Third(nodes) => MemberList::nodes(nodes),
            Self::Shared(other) => MemberList::shared(graph, context.viewer, *other),
        }
    }
}
