//! Here are two members: through whom are they connected, in every shortest way?

use crate::{
    limits::{PATHS_DEGREE_DEFAULT, PATHS_DEGREE_MAX, PATHS_NAMED_DEFAULT, PATHS_NAMED_MAX},
    rpc::{
        convert::{bounded, member_id, member_ids_to_wire},
        refusal::Refusal,
    },
    site::{Site, existing},
};
use cloud_engine::{Budget, PathsQuestion, shortest_paths};
use cloud_proto::cloud::v1::{ListPathsRequest, ListPathsResponse, Path};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn list_paths(
    site: &Arc<Site>,
    request: Request<ListPathsRequest>,
) -> Result<ListPathsResponse, Refusal> {
    let deadline = Deadline::of(&request);
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
    let graph = site.graph(request.at_least, deadline).await?;
    let (viewer, target) = (existing(&graph, viewer)?, existing(&graph, member)?);
    let as_of = site.as_of(&graph);
    // A view saves the first two levels. None is built for this: from both ends it is less work.
    let view = site.views.cached(&graph, viewer);
    let work = move |site: &Site, budget: &mut Budget<'_>| {
        let question = PathsQuestion {
            viewer,
            target,
            view: view.as_deref(),
            distance_max,
            limit,
        };
        Ok(site
            .views
            .with_scratch(|scratch| shortest_paths(&graph, &question, scratch, budget))?)
    };
    let found = site.graph_work(0, deadline, work).await?;
    let path = |members: &Vec<_>| Path {
        member_ids: member_ids_to_wire(members),
    };
    Ok(ListPathsResponse {
        as_of,
        distance: found.distance,
        paths: found.paths.iter().map(path).collect(),
        total: found.total,
    })
}
