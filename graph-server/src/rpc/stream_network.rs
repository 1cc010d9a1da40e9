//! StreamNetwork: all members at 1st, 2nd or 3rd degree of a viewer, as a stream.

use crate::{
    read_context::Call,
    rpc::{
        convert::{member_id, network_degree},
        list_stream::Chunks,
        listed_members::ListedMembers,
        member_chunks::stream_members,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_proto::cloud::v1::{StreamNetworkRequest, StreamNetworkResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn stream_network(
    site: &Arc<Site>,
    request: Request<StreamNetworkRequest>,
) -> Result<Chunks<StreamNetworkResponse>, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let degree = network_degree("degree", request.degree)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let listed = ListedMembers::at_degree(&context, degree).await?;
    let to_message = |as_of, member_ids, total| StreamNetworkResponse {
        as_of,
        member_ids,
        total,
    };
    stream_members(context, listed, to_message).await
}
