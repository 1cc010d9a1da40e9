//! SuggestConnections: the members with whom a viewer shares the most connections, but is not
//! connected.

use crate::{
    limits::{SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX},
    read_context::Call,
    rpc::{
        convert::{bounded, member_id},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{Suggestion, View, suggest_connections as suggest};
use cloud_proto::cloud::v1::{
    SuggestConnectionsRequest, SuggestConnectionsResponse, Suggestion as WireSuggestion,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn suggest_connections(
    site: &Arc<Site>,
    request: Request<SuggestConnectionsRequest>,
) -> Result<SuggestConnectionsResponse, Refusal> {
    let call = Call::of(&request);
    let SuggestConnectionsRequest {
        viewer_id,
        limit,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let limit = bounded("limit", limit, SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX)? as usize;
    let context = site.read_context(viewer, at_least, call).await?;
    // This visits the same edges as a view's build. A view itself does not hold how often each
    // member was visited.
    let edges = View::cost(&context.graph, context.viewer, context.inline_edges_max());
    let suggestions = context.work(edges, move |context, budget| {
        let (graph, viewer) = (&context.graph, context.viewer);
        let views = &context.site.views;
        Ok(views.with_scratch(|scratch| suggest(graph, viewer, limit, scratch, budget))?)
    });
    let suggestions = suggestions.await?;
    let suggestion = |Suggestion { member, shared }| WireSuggestion {
        member_id: member.get(),
        shared_count: shared,
    };
    Ok(SuggestConnectionsResponse {
        as_of: context.as_of(),
        suggestions: suggestions.into_iter().map(suggestion).collect(),
    })
}
