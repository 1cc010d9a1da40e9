//! StreamConnections: all of a member's connections, newest first or by id, as a stream.

use crate::{
    limits::STREAMED_CONNECTIONS,
    read_context::{Call, ReadContext, Side},
    rpc::{
        convert::{connection_order, connection_to_wire, member_id},
        list_stream::{Chunked, Chunks, stream},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{
    ConnectionOrder, ConnectionsPage, ListedConnection, NodeIndex, connections_by,
    recent_connections,
};
use cloud_proto::cloud::v1::{StreamConnectionsRequest, StreamConnectionsResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn stream_connections(
    site: &Arc<Site>,
    request: Request<StreamConnectionsRequest>,
) -> Result<Chunks<StreamConnectionsResponse>, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let side = Side::stated(request.viewer_id, request.anonymous)?;
    let member = member_id("member_id", request.member_id)?;
    let order = connection_order(request.order)?;
    let context = site.side_context(side, request.at_least, call).await?;
    let node = context.member(member)?;
    let edges = context.graph.neighbours(node).count_max() as u64;
    match order {
        ConnectionOrder::Id => {
            let place = site.list_streams.take_place(0)?;
            let chunks = ById {
                context: context.clone(),
                node,
                after: None,
            };
            stream(&context, place, chunks).await
        }
        ConnectionOrder::Recent => {
            let bytes = edges * size_of::<ListedConnection>() as u64;
            let place = site.list_streams.take_place(bytes)?;
            let sorted = context.work(edges, move |context, budget| {
                Ok(recent_connections(&context.graph, node, budget)?)
            });
            let chunks = Recent {
                sorted: sorted.await?,
                sent: 0,
                context: context.clone(),
            };
            stream(&context, place, chunks).await
        }
    }
}

/// The connections by id: each message is a page of the list.
struct ById {
    context: ReadContext<Side<NodeIndex>>,
    node: NodeIndex,
    after: Option<ListedConnection>,
}

/// The newest connections first, sorted once.
struct Recent {
    context: ReadContext<Side<NodeIndex>>,
    sorted: Vec<ListedConnection>,
    sent: usize,
}

impl Chunked for ById {
    type Message = StreamConnectionsResponse;

    async fn next(&mut self) -> Result<(StreamConnectionsResponse, bool), Refusal> {
        let (after, node) = (self.after, self.node);
        let page = self.context.work(0, move |context, budget| {
            let (graph, limit) = (&context.graph, STREAMED_CONNECTIONS);
            let order = ConnectionOrder::Id;
            Ok(connections_by(graph, node, order, after, limit, budget)?)
        });
        let ConnectionsPage {
            connections,
            total,
            more,
        } = page.await?;
        self.after = connections.last().copied();
        Ok((message(&self.context, &connections, total), more))
    }
}

impl Chunked for Recent {
    type Message = StreamConnectionsResponse;

    async fn next(&mut self) -> Result<(StreamConnectionsResponse, bool), Refusal> {
        let rest = self.sorted.get(self.sent..).unwrap_or_default();
        let chunk = rest.get(..STREAMED_CONNECTIONS).unwrap_or(rest);
        self.sent += chunk.len();
        let total = self.sorted.len();
        let message = message(&self.context, chunk, total as u64);
        Ok((message, self.sent < total))
    }
}

fn message(
    context: &ReadContext<Side<NodeIndex>>,
    connections: &[ListedConnection],
    total: u64,
) -> StreamConnectionsResponse {
    StreamConnectionsResponse {
        as_of: context.as_of(),
        connections: connections.iter().map(connection_to_wire).collect(),
        total,
    }
}
