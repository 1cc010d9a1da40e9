//! ListNetwork: the members at 1st, 2nd or 3rd degree of a viewer, in pages.

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    read_context::Call,
    rpc::{
        convert::{member_id, member_ids_to_wire, network_degree, page_size},
        listed_members::ListedMembers,
        page_token::Parameters,
        refusal::Refusal,
    },
    site::Site,
};
use cloud_proto::cloud::v1::{ListNetworkRequest, ListNetworkResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_network(
    site: &Arc<Site>,
    request: Request<ListNetworkRequest>,
) -> Result<ListNetworkResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let degree = network_degree("degree", request.degree)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    );
    let parameters = Parameters::of(
        "ListNetwork",
        &[&request.viewer_id.to_le_bytes(), &[degree as u8]],
    );
    let after = parameters.key(&request.page_token)?;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let listed = Arc::new(ListedMembers::at_degree(&context, degree).await?);
    let page = listed.page(&context, (after, limit), None).await?;
    Ok(ListNetworkResponse {
        as_of: context.as_of(),
        next_page_token: parameters.next_page(&page),
        member_ids: member_ids_to_wire(&page.members),
        total: page.total,
    })
}
