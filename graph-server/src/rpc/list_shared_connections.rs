//! Here are two members: whom do both know?

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    rpc::{
        convert::{member_id, member_ids_to_wire, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::{Site, existing},
};
use cloud_engine::{shared_cost, shared_page};
use cloud_proto::cloud::v1::{ListSharedConnectionsRequest, ListSharedConnectionsResponse};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_shared_connections(
    site: &Arc<Site>,
    request: Request<ListSharedConnectionsRequest>,
) -> Result<ListSharedConnectionsResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let member = member_id("member_id", request.member_id)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    )?;
    let ids = [
        request.viewer_id.to_le_bytes(),
        request.member_id.to_le_bytes(),
    ];
    let parameters = Parameters::of("ListSharedConnections", &[&ids[0], &ids[1]]);
    let after = parameters.key(&request.page_token)?;
    let graph = site.graph(request.at_least, deadline).await?;
    let (one, other) = (existing(&graph, viewer)?, existing(&graph, member)?);
    let as_of = site.as_of(&graph);
    let edges = shared_cost(&graph.neighbours(one), &graph.neighbours(other));
    let page = site
        .graph_work(edges, deadline, move |_, budget| {
            Ok(shared_page(&graph, one, other, (after, limit), budget)?)
        })
        .await?;
    Ok(ListSharedConnectionsResponse {
        as_of,
        next_page_token: parameters.next_page(&page),
        member_ids: member_ids_to_wire(&page.members),
        total: page.total,
    })
}
