//! ListSharedConnections: the members that two members are both connected to, in pages.

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    read_context::Call,
    rpc::{
        convert::{member_id, member_ids_to_wire, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{shared_cost, shared_page};
use cloud_proto::cloud::v1::{ListSharedConnectionsRequest, ListSharedConnectionsResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_shared_connections(
    site: &Arc<Site>,
    request: Request<ListSharedConnectionsRequest>,
) -> Result<ListSharedConnectionsResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let member = member_id("member_id", request.member_id)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    );
    let ids = [
        request.viewer_id.to_le_bytes(),
        request.member_id.to_le_bytes(),
    ];
    let parameters = Parameters::of("ListSharedConnections", &[&ids[0], &ids[1]]);
    let after = parameters.key(&request.page_token)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let other = context.member(member)?;
    let neighbours = |node| context.graph.neighbours(node);
    let edges = shared_cost(&neighbours(context.viewer), &neighbours(other));
    let page = context.work(edges, move |context, budget| {
        let (graph, viewer) = (&context.graph, context.viewer);
        Ok(shared_page(graph, viewer, other, (after, limit), budget)?)
    });
    let page = page.await?;
    Ok(ListSharedConnectionsResponse {
        as_of: context.as_of(),
        next_page_token: parameters.next_page(&page),
        member_ids: member_ids_to_wire(&page.members),
        total: page.total,
    })
}
