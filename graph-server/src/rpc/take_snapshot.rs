//! TakeSnapshot: writes a snapshot now and waits for it.

use super::admin_status::snapshot_status;
use crate::{ingest::progress::Part, rpc::refusal::Refusal, site::Site};
use cloud_model::Scn;
use cloud_proto::cloud::v1::{TakeSnapshotRequest, TakeSnapshotResponse};
use cloud_proto::databus::v1::{AtLeast, at_least::Point};
use cloud_serving as serving;
use cloud_serving::Deadline;
use std::sync::Arc;
use tonic::Request;

pub(crate) async fn take_snapshot(
    site: &Arc<Site>,
    request: Request<TakeSnapshotRequest>,
) -> Result<TakeSnapshotResponse, Refusal> {
    let deadline = Deadline::of(&request);
    let TakeSnapshotRequest { at_least } = request.into_inner();
    site.check_serving()?;
    let asked = match &at_least {
        Some(AtLeast {
            point: Some(Point::AsOf(as_of)),
        }) => Some(Scn::new(as_of.scn)),
        _ => None,
    };
    site.progress.wait(at_least, Part::Graph, deadline).await?;
    let asked = asked.unwrap_or_else(|| site.graphs.for_status().scn());
    let mut watch = site.compaction.watch();
    let failed_before = watch.borrow_and_update().failed;
    site.compaction.ask(asked);
    let taken =
        watch.wait_for(|status| status.snapshot.scn >= asked || status.failed > failed_before);
    let status = tokio::select! {
        taken = tokio::time::timeout_at(deadline.at().into(), taken) => match taken {
            Ok(Ok(status)) => status.clone(),
            Ok(Err(_)) | Err(_) => return Err(serving::Refusal::deadline().into()),
        },
        () = site.stopping.cancelled() => return Err(serving::Refusal::shutting_down().into()),
    };
    let snapshot = status.snapshot;
    if snapshot.scn < asked {
        let reason = status
            .last_failure
            .as_deref()
            .unwrap_or("for no known reason");
        return Err(Refusal::no_snapshot(reason));
    }
    Ok(TakeSnapshotResponse {
        as_of: Some(site.progress.as_of(snapshot.scn)),
        snapshot: Some(snapshot_status(&snapshot)),
    })
}
