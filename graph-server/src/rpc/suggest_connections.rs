//! Here is a viewer: with whom may it be worth to connect?

use crate::{
    limits::{SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX},
    rpc::{
        convert::{bounded, member_id},
        refusal::Refusal,
    },
    site::{Site, existing},
};
use cloud_engine::{Budget, Suggestion, View, suggest_connections as suggest};
use cloud_proto::cloud::v1::{
    SuggestConnectionsRequest, SuggestConnectionsResponse, Suggestion as WireSuggestion,
};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn suggest_connections(
    site: &Arc<Site>,
    request: Request<SuggestConnectionsRequest>,
) -> Result<SuggestConnectionsResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let SuggestConnectionsRequest {
        viewer_id,
        limit,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let limit = bounded("limit", limit, SUGGESTIONS_DEFAULT, SUGGESTIONS_MAX)? as usize;
    let graph = site.graph(at_least, deadline).await?;
    let viewer = existing(&graph, viewer)?;
    let as_of = site.as_of(&graph);
    // The same walk as a view's: the view itself does not say how often a member was met.
    let edges = View::cost(&graph, viewer, site.limits.inline_edges_max);
    let work = move |site: &Site, budget: &mut Budget<'_>| {
        Ok(site
            .views
            .with_scratch(|scratch| suggest(&graph, viewer, limit, scratch, budget))?)
    };
    let suggestions = site.graph_work(edges, deadline, work).await?;
    let suggestion = |Suggestion { member, shared }| WireSuggestion {
        member_id: member.get(),
        shared_count: shared,
    };
    Ok(SuggestConnectionsResponse {
        as_of,
        suggestions: suggestions.into_iter().map(suggestion).collect(),
    })
}
