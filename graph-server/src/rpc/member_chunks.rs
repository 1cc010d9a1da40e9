//! A list of members by id as the messages of a stream.

use crate::{
    limits::STREAMED_MEMBERS,
    read_context::ReadContext,
    rpc::{
        convert::member_ids_to_wire,
        list_stream::{Chunked, Chunks, stream},
        listed_members::ListedMembers,
        refusal::Refusal,
    },
};
use cloud_model::MemberId;
use cloud_proto::databus::v1::AsOf;
use std::sync::Arc;

/// Makes a message of its `as_of`, member ids and total.
pub(crate) type ToMessage<M> = fn(Option<AsOf>, Vec<u64>, u64) -> M;

struct MemberChunks<M> {
    context: ReadContext,
    listed: Arc<ListedMembers>,
    after: Option<MemberId>,
    total: Option<u64>,
    to_message: ToMessage<M>,
}

/// Streams all members of the list.
pub(crate) async fn stream_members<M: Send + 'static>(
    context: ReadContext,
    listed: ListedMembers,
    to_message: ToMessage<M>,
) -> Result<Chunks<M>, Refusal> {
    let place = context.site.list_streams.take_place(listed.bytes())?;
    let chunks = MemberChunks {
        context: context.clone(),
        listed: Arc::new(listed),
        after: None,
        total: None,
        to_message,
    };
    stream(&context, place, chunks).await
}

impl<M: Send + 'static> Chunked for MemberChunks<M> {
    type Message = M;

    async fn next(&mut self) -> Result<(M, bool), Refusal> {
        let page = (self.after, STREAMED_MEMBERS);
        let page = self.listed.page(&self.context, page, self.total).await?;
        self.after = page.members.last().copied().or(self.after);
        self.total = Some(page.total);
        let members = member_ids_to_wire(&page.members);
        let message = (self.to_message)(self.context.as_of(), members, page.total);
        Ok((message, page.more))
    }
}
