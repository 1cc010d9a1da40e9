//! ListConnections: a member's connections, newest first or by id, in pages.

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    read_context::{Call, Side},
    rpc::{
        convert::{connection_order, connection_to_wire, member_id, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{ConnectionOrder, connections_by};
use cloud_proto::cloud::v1::{ListConnectionsRequest, ListConnectionsResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_connections(
    site: &Arc<Site>,
    request: Request<ListConnectionsRequest>,
) -> Result<ListConnectionsResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let side = Side::stated(request.viewer_id, request.anonymous)?;
    let member = member_id("member_id", request.member_id)?;
    let order = connection_order(request.order)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    );
    let parameters = Parameters::of(
        "ListConnections",
        &[
            &request.member_id.to_le_bytes(),
            &[order as u8],
            &request.viewer_id.to_le_bytes(),
            &[request.anonymous.into()],
        ],
    );
    let after = parameters.key(&request.page_token)?;
    let context = site.side_context(side, request.at_least, call).await?;
    let node = context.member(member)?;
    let edges = match order {
        ConnectionOrder::Recent => context.graph.neighbours(node).count_max() as u64,
        // A page mostly costs the page.
        ConnectionOrder::Id => 0,
    };
    let page = context.work(edges, move |context, budget| {
        let graph = &context.graph;
        Ok(connections_by(graph, node, order, after, limit, budget)?)
    });
    let page = page.await?;
    let next_page_token = match page.connections.last().filter(|_| page.more) {
        Some(last) => parameters.token(last),
        None => String::new(),
    };
    let connections = page.connections.iter().map(connection_to_wire).collect();
    Ok(ListConnectionsResponse {
        as_of: context.as_of(),
        connections,
        total: page.total,
        next_page_token,
    })
}
