//! How large is this member's network?

use crate::{
    rpc::{convert::member_id, refusal::Refusal},
    site::{Site, existing},
};
use cloud_engine::{Budget, network_sizes, third_cost};
use cloud_proto::cloud::v1::{GetNetworkSizesRequest, GetNetworkSizesResponse};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_network_sizes(
    site: &Arc<Site>,
    request: Request<GetNetworkSizesRequest>,
) -> Result<GetNetworkSizesResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let GetNetworkSizesRequest {
        viewer_id,
        third,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let graph = site.graph(at_least, deadline).await?;
    let viewer = existing(&graph, viewer)?;
    let as_of = site.as_of(&graph);
    let view = site.view(&graph, viewer, deadline).await?;
    let edges = if third {
        third_cost(&graph, &view, site.limits.inline_edges_max)
    } else {
        0
    };
    let work = move |site: &Site, budget: &mut Budget<'_>| {
        Ok(site
            .views
            .with_scratch(|scratch| network_sizes(&graph, &view, third, scratch, budget))?)
    };
    let sizes = site.graph_work(edges, deadline, work).await?;
    Ok(GetNetworkSizesResponse {
        as_of,
        first: sizes.first,
        second: sizes.second,
        third: sizes.third,
    })
}
