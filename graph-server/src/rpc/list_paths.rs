//! ListPaths: the shortest paths between two members.

use crate::{
    limits::{PATHS_DEGREE_DEFAULT, PATHS_DEGREE_MAX, PATHS_NAMED_DEFAULT, PATHS_NAMED_MAX},
    read_context::Call,
    rpc::{
        convert::{bounded, member_id, member_ids_to_wire},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{PathsQuestion, shortest_paths};
use cloud_proto::cloud::v1::{ListPathsRequest, ListPathsResponse, Path};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_paths(
    site: &Arc<Site>,
    request: Request<ListPathsRequest>,
) -> Result<ListPathsResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewer = member_id("viewer_id", request.viewer_id)?;
    let member = member_id("member_id", request.member_id)?;
    let distance_max = bounded(
        "max_degree",
        request.max_degree,
        PATHS_DEGREE_DEFAULT,
        PATHS_DEGREE_MAX,
    )?;
    let limit = bounded("limit", request.limit, PATHS_NAMED_DEFAULT, PATHS_NAMED_MAX)? as usize;
    let context = site.read_context(viewer, request.at_least, call).await?;
    let target = context.member(member)?;
    // A cached view saves the first two levels. No view is built for this call: a search from both
    // ends is less work.
    let view = site.views.cached(&context.graph, context.viewer);
    let found = context.work(0, move |context, budget| {
        let question = PathsQuestion {
            viewer: context.viewer,
            target,
            view: view.as_deref(),
            distance_max,
            limit,
        };
        let views = &context.site.views;
        Ok(views
            .with_scratch(|scratch| shortest_paths(&context.graph, &question, scratch, budget))?)
    });
    let found = found.await?;
    let path = |members: &Vec<_>| Path {
        member_ids: member_ids_to_wire(members),
    };
    Ok(ListPathsResponse {
        as_of: context.as_of(),
        distance: found.distance,
        paths: found.paths.iter().map(path).collect(),
        total: found.total,
    })
}
