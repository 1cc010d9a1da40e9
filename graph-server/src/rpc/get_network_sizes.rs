//! GetNetworkSizes: the number of members at each degree of a viewer's network.

use crate::{
    read_context::Call,
    rpc::{convert::member_id, refusal::Refusal},
    site::Site,
};
use cloud_engine::{network_sizes, third_cost};
use cloud_proto::cloud::v1::{GetNetworkSizesRequest, GetNetworkSizesResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_network_sizes(
    site: &Arc<Site>,
    request: Request<GetNetworkSizesRequest>,
) -> Result<GetNetworkSizesResponse, Refusal> {
    let call = Call::of(&request);
    let GetNetworkSizesRequest {
        viewer_id,
        third,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let context = site.read_context(viewer, at_least, call).await?;
    let view = context.view().await?;
    let edges = if third {
        third_cost(&context.graph, &view, context.inline_edges_max())
    } else {
        0
    };
    let sizes = context.work(edges, move |context, budget| {
        let views = &context.site.views;
        Ok(views
            .with_scratch(|scratch| network_sizes(&context.graph, &view, third, scratch, budget))?)
    });
    let sizes = sizes.await?;
    Ok(GetNetworkSizesResponse {
        as_of: context.as_of(),
        first: sizes.first,
        second: sizes.second,
        third: sizes.third,
    })
}
