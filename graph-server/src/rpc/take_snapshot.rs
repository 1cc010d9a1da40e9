//! TakeSnapshot: writes a snapshot now and waits for it.

use super::admin_status::snapshot_status;
use crate::{ingest::progress::Part, rpc::refusal::Refusal, site::Site};
use cloud_engine::Manifest;
use cloud_model::Scn;
use cloud_proto::cloud::v1::{TakeSnapshotRequest, TakeSnapshotResponse};
use cloud_proto::databus::v1::{AtLeast, at_least::Point};
use cloud_serving as serving;
use cloud_serving::Deadline;
use std::{sync::Arc, time::Instant};
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
    let snapshot = snapshot_at(site, asked, Some(deadline.at())).await?;
    Ok(TakeSnapshotResponse {
        as_of: Some(site.progress.as_of(snapshot.scn)),
        snapshot: Some(snapshot_status(site, &snapshot)),
    })
}

/// Waits until there is a snapshot at this SCN or above. If there is none, one is taken.
pub(crate) async fn snapshot_at(
    site: &Site,
    asked: Scn,
    deadline: Option<Instant>,
) -> Result<Arc<Manifest>, Refusal> {
    let mut watch = site.compaction.watch();
    let failed_before = watch.borrow_and_update().failed;
    site.compaction.ask(asked);
    let taken =
        watch.wait_for(|status| status.snapshot.scn >= asked || status.failed > failed_before);
    let passed = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    let status = tokio::select! {
        taken = taken => match taken {
            Ok(status) => status.clone(),
            Err(_) => return Err(serving::Refusal::deadline().into()),
        },
        () = passed => return Err(serving::Refusal::deadline().into()),
        () = site.stopping.cancelled() => return Err(serving::Refusal::shutting_down().into()),
    };
    if status.snapshot.scn < asked {
        let reason = status
            .last_failure
            .as_deref()
            .unwrap_or("for no known reason");
        return Err(Refusal::no_snapshot(reason));
    }
    Ok(status.snapshot)
}
