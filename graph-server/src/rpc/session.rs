//! Here is somebody who is about to ask much: make it quick, until I say that it is over.

use crate::{
    rpc::{convert::member_id, refusal::Refusal},
    site::{Site, existing},
    views::sessions::SessionId,
};
use cloud_proto::cloud::v1::{
    BeginSessionRequest, BeginSessionResponse, EndSessionRequest, EndSessionResponse,
};
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn begin_session(
    site: &Arc<Site>,
    request: Request<BeginSessionRequest>,
) -> Result<BeginSessionResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let BeginSessionRequest {
        viewer_id,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let graph = site.graph(at_least, deadline).await?;
    let viewer = existing(&graph, viewer)?;
    let view = site.view(&graph, viewer, deadline).await?;
    let session = site.views.begin_session(&view)?;
    Ok(BeginSessionResponse {
        as_of: site.as_of(&graph),
        session: session.to_string(),
        idle_seconds: site.views.sessions.idle().as_secs(),
    })
}

pub(crate) fn end_session(
    site: &Site,
    request: Request<EndSessionRequest>,
) -> Result<EndSessionResponse, Refusal> {
    let session: SessionId = request.into_inner().session.parse()?;
    site.views.end_session(session);
    Ok(EndSessionResponse {
        as_of: site.as_of(&site.current.graph()),
    })
}
