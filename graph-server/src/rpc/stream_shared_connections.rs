//! StreamSharedConnections: all members that two members are both connected to, as a stream.

use crate::{
    read_context::Call,
    rpc::{
        convert::member_id, list_stream::Chunks, listed_members::ListedMembers,
        member_chunks::stream_members, refusal::Refusal,
    },
    site::Site,
};
use cloud_proto::cloud::v1::{StreamSharedConnectionsRequest, StreamSharedConnectionsResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn stream_shared_connections(
    site: &Arc<Site>,
    request: Request<StreamSharedConnectionsRequest>,
) -> Result<Chunks<StreamSharedConnectionsResponse>, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let member = member_id("member_id", request.member_id)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let listed = ListedMembers::Shared(context.member(member)?);
    let to_message = |as_of, member_ids, total| StreamSharedConnectionsResponse {
        as_of,
        member_ids,
        total,
    };
    stream_members(context, listed, to_message).await
}
