//! Here are two members: whom do both know?

use crate::{
    convert::{member_id, page_size},
    deadline::Deadline,
    limits::{LIST_PAGE_SIZE_DEFAULT, LIST_PAGE_SIZE_MAX},
    page_token::Parameters,
    refusal::Refusal,
    site::{Site, existing},
};
use cloud_engine::shared_connections;
use cloud_proto::cloud::v1::{ListSharedConnectionsRequest, ListSharedConnectionsResponse};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_shared_connections(
    site: &Arc<Site>,
    request: Request<ListSharedConnectionsRequest>,
) -> Result<ListSharedConnectionsResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let member = member_id("member_id", request.member_id)?;
    let limit = page_size(
        request.page_size,
        LIST_PAGE_SIZE_DEFAULT,
        LIST_PAGE_SIZE_MAX,
    )?;
    let ids = [
        request.viewer_id.to_le_bytes(),
        request.member_id.to_le_bytes(),
    ];
    let parameters = Parameters::of("ListSharedConnections", &[&ids[0], &ids[1]]);
    let after = parameters
        .key(&request.page_token)?
        .map_or(0, u64::from_be_bytes);
    let graph = site.graph(request.at_least, deadline).await?;
    let (one, other) = (existing(&graph, viewer)?, existing(&graph, member)?);
    let as_of = site.as_of(&graph);
    let edges = [one, other]
        .map(|node| graph.neighbours(node).count_max() as u64)
        .iter()
        .sum();
    let shared = site
        .graph_work(edges, deadline, move |_, budget| {
            Ok(shared_connections(&graph, one, other, budget)?)
        })
        .await?;
    let total = shared.len() as u64;
    let first = shared.partition_point(|member| member.get() <= after);
    let behind = shared.get(first..).unwrap_or_default();
    let member_ids: Vec<u64> = behind
        .iter()
        .take(limit)
        .map(|member| member.get())
        .collect();
    let next_page_token = match member_ids.last().filter(|_| behind.len() > limit) {
        Some(last) => parameters.token(last.to_be_bytes()),
        None => String::new(),
    };
    Ok(ListSharedConnectionsResponse {
        as_of,
        member_ids,
        total,
        next_page_token,
    })
}
