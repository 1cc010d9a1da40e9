//! Here is a viewer: who stands at 1st, 2nd or 3rd degree?

use crate::{
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    rpc::{
        convert::{member_id, member_ids_to_wire, network_degree, page_size},
        page_token::Parameters,
        refusal::Refusal,
    },
    site::{Site, existing},
};
use cloud_engine::{Budget, NetworkDegree, network_members, third_cost};
use cloud_proto::cloud::v1::{ListNetworkRequest, ListNetworkResponse};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_network(
    site: &Arc<Site>,
    request: Request<ListNetworkRequest>,
) -> Result<ListNetworkResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let degree = network_degree("degree", request.degree)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    )?;
    let parameters = Parameters::of(
        "ListNetwork",
        &[&request.viewer_id.to_le_bytes(), &[degree as u8]],
    );
    let after = parameters.key(&request.page_token)?;
    let graph = site.graph(request.at_least, deadline).await?;
    let viewer = existing(&graph, viewer)?;
    let as_of = site.as_of(&graph);
    let view = site.view(&graph, viewer, deadline).await?;
    let edges = match degree {
        NetworkDegree::First => view.first().len(),
        NetworkDegree::Second => view.second().len(),
        NetworkDegree::Third => third_cost(&graph, &view, site.limits.inline_edges_max),
    };
    let work = move |site: &Site, budget: &mut Budget<'_>| {
        Ok(site.views.with_scratch(|scratch| {
            network_members(&graph, &view, degree, (after, limit), scratch, budget)
        })?)
    };
    let page = site.graph_work(edges, deadline, work).await?;
    Ok(ListNetworkResponse {
        as_of,
        next_page_token: parameters.next_page(&page),
        member_ids: member_ids_to_wire(&page.members),
        total: page.total,
    })
}
