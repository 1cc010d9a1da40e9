//! Where does the server stand, and what does it hold?

use crate::{refusal::Refusal, resident::Resident, site::Site};
use cloud_proto::cloud::v1::{GetStatusResponse, OverlayStatus, SnapshotStatus, ViewCacheStatus};

pub(crate) fn admin_status(site: &Site) -> Result<GetStatusResponse, Refusal> {
    let graph = site.version.graph();
    let overlay = site.version.stats();
    let views = site.views.counts();
    let resident = Resident::read().map_err(|error| Refusal::Internal {
        reason: error.to_string(),
    })?;
    Ok(GetStatusResponse {
        graph: site.as_of(&graph),
        search: Some(site.progress.as_of(site.people.applied_scn().get())),
        log_head: Some(site.progress.as_of(site.log.head())),
        snapshot: Some(SnapshotStatus {
            lineage_id: site.manifest.lineage_id.to_string(),
            scn: site.manifest.scn.get(),
            members: site.manifest.members,
            connections: site.manifest.connections,
            bytes: site.manifest.files.iter().map(|file| file.bytes).sum(),
        }),
        members: graph.member_count(),
        connections: graph.connection_count(),
        overlay: Some(OverlayStatus {
            entries: overlay.entries,
            touched_nodes: overlay.touched_nodes,
            new_members: overlay.new_members,
            members_created_by_connections: overlay.members_created_by_connections,
            bytes: overlay.bytes,
        }),
        views: Some(ViewCacheStatus {
            views: views.views,
            bytes: views.bytes,
            bytes_max: views.bytes_max,
            hits: views.hits,
            misses: views.misses,
            rebuilds: views.rebuilds,
            sessions: views.sessions,
            session_bytes: views.session_bytes,
        }),
        anonymous_bytes: resident.anonymous_bytes,
        mapped_bytes: resident.mapped_bytes,
        uptime_seconds: site.started.elapsed().as_secs(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
