//! BeginSession and EndSession: build a viewer's view and pin it until the session ends.

use crate::{
    read_context::Call,
    rpc::{
        convert::{duration_to_wire, member_id},
        refusal::Refusal,
    },
    site::Site,
    views::sessions::SessionId,
};
use cloud_proto::cloud::v1::{
    BeginSessionRequest, BeginSessionResponse, EndSessionRequest, EndSessionResponse,
};
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn begin_session(
    site: &Arc<Site>,
    request: Request<BeginSessionRequest>,
) -> Result<BeginSessionResponse, Refusal> {
    let call = Call::of(&request);
    let BeginSessionRequest {
        viewer_id,
        at_least,
    } = request.into_inner();
    let viewer = member_id("viewer_id", viewer_id)?;
    let context = site.read_context(viewer, at_least, call).await?;
    let view = context.view().await?;
    let session = site.views.begin_session(&view)?;
    Ok(BeginSessionResponse {
        as_of: context.as_of(),
        session: session.to_string(),
        idle_timeout: Some(duration_to_wire(site.views.sessions.idle())),
    })
}

pub(crate) fn end_session(
    site: &Site,
    request: Request<EndSessionRequest>,
) -> Result<EndSessionResponse, Refusal> {
    let session: SessionId = request.into_inner().session.parse()?;
    site.views.end_session(session);
    Ok(EndSessionResponse {
        as_of: site.as_of(&site.graphs.for_status()),
    })
}
