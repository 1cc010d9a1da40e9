//! BatchGetProfiles: the profiles of some members, as many as fit into an answer.
//!
//! An answer is encoded where its profiles are read, which for a large one is a thread of its own:
//! the threads that serve connections only write its bytes. (Bench: "p99 of GetDegrees, open loop
//! at 30 %, beside 64 readers of batches of 1,000 profiles, against without".)

use crate::{
    limits::{
        PROFILES_ANSWER_BYTES_MAX, PROFILES_BATCH_MAX, PROFILES_INLINE_BYTES_MAX,
        PROFILES_INLINE_MAX,
    },
    read_context::{Call, ReadContext, Side},
    rpc::{convert::member_ids, refusal::Refusal},
    site::Site,
    workers::Stop,
};
use bytes::Bytes;
use cloud_engine::NodeIndex;
use cloud_model::MemberId;
use cloud_profile::{ReadMask, to_wire};
use cloud_proto::cloud::v1::{BatchGetProfilesRequest, BatchGetProfilesResponse, ProfileResult};
use cloud_search::Published;
use cloud_serving as serving;
use cloud_serving::limits::ANSWER_BYTES_MAX;
use prost::Message as _;
use std::sync::Arc;
use tonic::Request;

/// Returns a `BatchGetProfilesResponse`, encoded.
pub(crate) async fn batch_get_profiles(
    site: &Arc<Site>,
    request: Request<BatchGetProfilesRequest>,
) -> Result<Bytes, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let side = Side::stated(request.viewer_id, request.anonymous)?;
    let members = member_ids("member_ids", &request.member_ids, PROFILES_BATCH_MAX)?;
    let mask = ReadMask::from_proto(request.read_mask.as_ref()).map_err(|invalid| {
        Refusal::field(format!("read_mask.{}", invalid.field), invalid.reason)
    })?;
    let (published, context) = site.profiles_context(side, request.at_least, call).await?;
    let batch = Batch {
        published,
        context,
        members,
        mask,
    };
    if batch.is_small()? {
        return batch.encode(&Stop::at(call.deadline));
    }
    let encode = move |stop: &Stop| batch.encode(stop);
    site.batches.run(call.deadline, encode).await
}

/// The members of a request, and the state from which they are answered.
struct Batch {
    published: Arc<Published>,
    context: ReadContext<Side<NodeIndex>>,
    members: Vec<MemberId>,
    mask: ReadMask,
}

impl Batch {
    /// Returns whether the batch may be read on the threads that serve connections.
    fn is_small(&self) -> Result<bool, Refusal> {
        if self.members.len() > PROFILES_INLINE_MAX {
            return Ok(false);
        }
        let mut bytes = 0;
        for &member in &self.members {
            if let Some(node) = self.context.graph.node(member) {
                bytes += self.published.profile_bytes(node)?;
            }
        }
        Ok(bytes <= PROFILES_INLINE_BYTES_MAX)
    }

    /// Encodes the answer piece by piece: concatenated messages of protobuf are one message.
    fn encode(&self, stop: &Stop) -> Result<Bytes, Refusal> {
        let mut answer = Vec::new();
        let head = BatchGetProfilesResponse {
            as_of: self.context.as_of(),
            ..Default::default()
        };
        append(&mut answer, &head)?;
        for (index, &member) in self.members.iter().enumerate() {
            if stop.now() {
                return Err(serving::Refusal::deadline().into());
            }
            let bytes = answer.len();
            let piece = BatchGetProfilesResponse {
                results: vec![self.result(member)?],
                ..Default::default()
            };
            append(&mut answer, &piece)?;
            if index > 0 && answer.len() > PROFILES_ANSWER_BYTES_MAX - NEXT_INDEX_BYTES_MAX {
                answer.truncate(bytes);
                let tail = BatchGetProfilesResponse {
                    next_index: u32::try_from(index).unwrap_or(u32::MAX),
                    ..Default::default()
                };
                append(&mut answer, &tail)?;
                break;
            }
            if answer.len() > ANSWER_BYTES_MAX - NEXT_INDEX_BYTES_MAX {
                return Err(Refusal::answer_too_large(ANSWER_BYTES_MAX as u64));
            }
        }
        Ok(answer.into())
    }

    fn result(&self, member: MemberId) -> Result<ProfileResult, Refusal> {
        let member_id = member.get();
        let record = match self.context.graph.node(member) {
            Some(node) => self.published.profile(node, member_id)?,
            None => None,
        };
        let profile = record.map(|record| to_wire(record, &self.mask));
        Ok(ProfileResult { member_id, profile })
    }
}

/// The maximum bytes of `next_index`, with its tag.
const NEXT_INDEX_BYTES_MAX: usize = 6;

fn append(answer: &mut Vec<u8>, piece: &BatchGetProfilesResponse) -> Result<(), Refusal> {
    let encoded = piece.encode(answer);
    encoded.map_err(|error| serving::Refusal::internal(error.to_string()).into())
}
