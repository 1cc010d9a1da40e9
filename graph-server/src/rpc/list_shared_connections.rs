//! ListSharedConnections: the members that two members are both connected to, in pages.

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    read_context::{Call, ReadContext},
    rpc::{
        convert::{member_id, member_ids_to_wire, page_size},
        listed_members::ListedMembers,
        page_token::{Parameters, SharedPlace},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::NodeIndex;
use cloud_model::LogPoint;
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
    // The token's total is that of an SCN, which belongs to a log.
    let log_id = site.progress.log_id().as_bytes();
    let parameters = Parameters::of("ListSharedConnections", &[&ids[0], &ids[1], log_id]);
    let place: Option<SharedPlace> = parameters.key(&request.page_token)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let other = context.member(member)?;
    let total = place.filter(|place| still_counts(&context, other, place.point));
    let total = total.map(|place| place.total);
    let after = place.map(|place| place.member);
    let listed = Arc::new(ListedMembers::Shared(other));
    let page = listed.page(&context, (after, limit), total).await?;
    let next_page_token = match page.members.last().filter(|_| page.more) {
        Some(&member) => parameters.token(&SharedPlace {
            member,
            total: page.total,
            point: site.progress.point(context.graph.scn()),
        }),
        None => String::new(),
    };
    Ok(ListSharedConnectionsResponse {
        as_of: context.as_of(),
        next_page_token,
        member_ids: member_ids_to_wire(&page.members),
        total: page.total,
    })
}

/// Returns whether a number that was counted at this point is still exact: the point is of this
/// log, and neither member's connections changed since.
fn still_counts(context: &ReadContext, other: NodeIndex, point: LogPoint) -> bool {
    let is_of_this_log = !context.site.progress.point(point.scn).differs(&point);
    let is_same = |node| context.graph.has_same_row_at(node, point.scn);
    is_of_this_log && is_same(context.viewer) && is_same(other)
}
