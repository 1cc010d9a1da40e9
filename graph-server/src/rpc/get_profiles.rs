//! GetProfiles: the profiles of some members.

use crate::{
    limits::{PROFILES_BATCH_MAX, PROFILES_INLINE_MAX},
    rpc::{convert::member_ids, refusal::Refusal},
    site::Site,
    workers::Stop,
};
use cloud_engine::Graph;
use cloud_model::MemberId;
use cloud_proto::cloud::v1::{GetProfilesRequest, GetProfilesResponse, ProfileResult};
use cloud_search::Published;
use cloud_serving as serving;
use cloud_serving::{Deadline, limits::ANSWER_BYTES_MAX};
use prost::Message;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_profiles(
    site: &Arc<Site>,
    request: Request<GetProfilesRequest>,
) -> Result<GetProfilesResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    let members = member_ids("member_ids", &request.member_ids, PROFILES_BATCH_MAX)?;
    let (published, graph) = site.profiles(request.at_least, deadline).await?;
    let as_of = site.as_of(&graph);
    let inline = members.len() <= PROFILES_INLINE_MAX;
    let work = move |stop: &Stop| read(&published, &graph, &members, stop);
    let results = if inline {
        work(&Stop::at(deadline))?
    } else {
        site.search.run(deadline, work).await?
    };
    Ok(GetProfilesResponse { as_of, results })
}

fn read(
    published: &Published,
    graph: &Graph,
    members: &[MemberId],
    stop: &Stop,
) -> Result<Vec<ProfileResult>, Refusal> {
    let mut results = Vec::with_capacity(members.len());
    let mut bytes = 0;
    for &member in members {
        if stop.now() {
            return Err(serving::Refusal::deadline().into());
        }
        let profile = match graph.node(member) {
            Some(node) => published.profile(node, member.get())?,
            None => None,
        };
        let result = ProfileResult {
            member_id: member.get(),
            profile,
        };
        bytes += result.encoded_len() + RESULT_FRAME_BYTES;
        if bytes > ANSWER_BYTES_MAX - AS_OF_BYTES_MAX {
            return Err(Refusal::answer_too_large(ANSWER_BYTES_MAX as u64));
        }
        results.push(result);
    }
    Ok(results)
}

/// The maximum bytes of a result's tag and length.
const RESULT_FRAME_BYTES: usize = 16;
/// An upper bound of the bytes of the rest of the answer.
const AS_OF_BYTES_MAX: usize = 256;
