//! ListConnections: a member's connections, newest first or by id, in pages.

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    read_context::Call,
    rpc::{
        convert::{member_id, page_size, time_to_wire},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{ConnectionOrder, ListedConnection, connections_by};
use cloud_proto::cloud::v1::{
    Connection, ConnectionOrder as WireOrder, ListConnectionsRequest, ListConnectionsResponse,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_connections(
    site: &Arc<Site>,
    request: Request<ListConnectionsRequest>,
) -> Result<ListConnectionsResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let member = member_id("member_id", request.member_id)?;
    let order = order(request.order)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    );
    let parameters = Parameters::of(
        "ListConnections",
        &[&request.member_id.to_le_bytes(), &[order as u8]],
    );
    let after = parameters.key(&request.page_token)?;
    let context = site.read_context(member, request.at_least, call).await?;
    let edges = context.graph.neighbours(context.viewer).count_max() as u64;
    let page = context.work(edges, move |context, budget| {
        let (graph, node) = (&context.graph, context.viewer);
        Ok(connections_by(graph, node, order, after, limit, budget)?)
    });
    let page = page.await?;
    let next_page_token = match page.connections.last().filter(|_| page.more) {
        Some(last) => parameters.token(last),
        None => String::new(),
    };
    let connection = |listed: &ListedConnection| Connection {
        member_id: listed.member.get(),
        connected_at: time_to_wire(listed.time),
    };
    let connections = page.connections.iter().map(connection).collect();
    Ok(ListConnectionsResponse {
        as_of: context.as_of(),
        connections,
        total: page.total,
        next_page_token,
    })
}

fn order(order: i32) -> Result<ConnectionOrder, Refusal> {
    match WireOrder::try_from(order) {
        Ok(WireOrder::Unspecified | WireOrder::Recent) => Ok(ConnectionOrder::Recent),
        Ok(WireOrder::Id) => Ok(ConnectionOrder::Id),
        Err(_) => Err(Refusal::field(
            "order",
            format!("{order} is no order of connections"),
        )),
    }
}
