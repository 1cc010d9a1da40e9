//! GetSubgraph: the connections among some members.

use crate::{
    limits::{SUBGRAPH_BYTES_MAX, SUBGRAPH_MEMBERS_MAX},
    read_context::Call,
    rpc::{
        convert::{member_id, member_ids, time_to_wire},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{SubgraphConnection, subgraph};
use cloud_proto::cloud::v1::{
    GetSubgraphRequest, GetSubgraphResponse, SubgraphConnection as WireConnection,
};
use prost::Message;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_subgraph(
    site: &Arc<Site>,
    request: Request<GetSubgraphRequest>,
) -> Result<GetSubgraphResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let members = member_ids("member_ids", &request.member_ids, SUBGRAPH_MEMBERS_MAX)?;
    let with_times = request.connected_at;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let nodes = context.graph.page(&members);
    let unknown = members
        .iter()
        .zip(&nodes)
        .filter(|(_, node)| node.is_none());
    let unknown_member_ids = unknown.map(|(member, _)| member.get()).collect();
    let nodes: Vec<_> = nodes.into_iter().flatten().collect();
    // The cost is found on the way: it is that of the smaller end of each pair.
    let connections = context.work(0, move |context, budget| {
        Ok(subgraph(&context.graph, &nodes, with_times, budget)?)
    });
    let connection = |found: SubgraphConnection| WireConnection {
        member_id: found.member.get(),
        other_id: found.other.get(),
        connected_at: time_to_wire(found.time),
    };
    let answer = GetSubgraphResponse {
        as_of: context.as_of(),
        connections: connections.await?.into_iter().map(connection).collect(),
        unknown_member_ids,
    };
    if answer.encoded_len() > SUBGRAPH_BYTES_MAX {
        return Err(Refusal::answer_too_large(SUBGRAPH_BYTES_MAX as u64));
    }
    Ok(answer)
}
