//! GetDegreesForViewers: the degrees of some members from each of several viewers.

use crate::{
    limits::{DEGREES_FOR_VIEWERS_BATCH_MAX, DEGREES_VIEWERS_MAX},
    read_context::{Call, ReadContext},
    rpc::{
        convert::{degree_to_wire, member_ids},
        refusal::Refusal,
    },
    site::Site,
};
use cloud_engine::{NodeIndex, degrees};
use cloud_proto::cloud::v1::{
    Degree, GetDegreesForViewersRequest, GetDegreesForViewersResponse, ViewerDegrees,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn get_degrees_for_viewers(
    site: &Arc<Site>,
    request: Request<GetDegreesForViewersRequest>,
) -> Result<GetDegreesForViewersResponse, Refusal> {
    let call = Call::of(&request);
    let request = request.into_inner();
    let viewers = member_ids("viewer_ids", &request.viewer_ids, DEGREES_VIEWERS_MAX)?;
    let limit = DEGREES_FOR_VIEWERS_BATCH_MAX;
    let members = member_ids("member_ids", &request.member_ids, limit)?;
    let contexts = site.read_contexts(&viewers, request.at_least, call).await?;
    let (graph, contexts) = contexts;
    let targets = graph.page(&members);
    let mut answered = Vec::with_capacity(viewers.len());
    for (&viewer_id, context) in request.viewer_ids.iter().zip(&contexts) {
        let degrees = match context {
            Some(context) => degrees_from(context, &targets).await?,
            None => vec![Degree::Unknown.into(); targets.len()],
        };
        answered.push(ViewerDegrees { viewer_id, degrees });
    }
    Ok(GetDegreesForViewersResponse {
        as_of: site.as_of(&graph),
        viewers: answered,
    })
}

/// Returns the degrees of the targets from the viewer of a context.
async fn degrees_from(
    context: &ReadContext,
    targets: &[Option<NodeIndex>],
) -> Result<Vec<i32>, Refusal> {
    let view = context.view().await?;
    let is_shown = |target: &NodeIndex| !context.graph.hides(*target);
    let targets: Arc<[_]> = targets
        .iter()
        .map(|target| target.filter(is_shown))
        .collect();
    let own_edges = |&target: &NodeIndex| context.graph.neighbours(target).count_max() as u64;
    let edges = targets.iter().flatten().map(own_edges).sum();
    let degrees = context.work(edges, move |context, budget| {
        let mut view = view.whole(&context.graph);
        let nodes: Vec<_> = targets.iter().flatten().copied().collect();
        let mut degrees = degrees(&mut view, &nodes, budget)?.into_iter();
        let answer = |target: &Option<NodeIndex>| match target.and_then(|_| degrees.next()) {
            Some(degree) => degree_to_wire(degree).into(),
            None => Degree::Unknown.into(),
        };
        Ok(targets.iter().map(answer).collect())
    });
    degrees.await
}
