//! GetStatus: the server's SCNs, contents, memory and lag.

use crate::{
    compaction::{self, Residence},
    ingest::lag::Lag,
    observe::memory::Memory,
    rpc::convert::duration_to_wire,
    site::Site,
};
use cloud_engine::Manifest;
use cloud_proto::cloud::v1::{
    CompactionStatus, GetStatusResponse, GraphMemoryStatus, GraphResidence, KeyConflictStatus,
    LagStatus, MemoryPart, OverlayStatus, RunningCompaction, SnapshotStatus, ViewCacheStatus,
};
use cloud_search::ProfileStore;
use cloud_serving::Refusal;
use std::{path, sync::Arc};

pub(crate) async fn admin_status(site: &Arc<Site>) -> Result<GetStatusResponse, Refusal> {
    let reader = Arc::clone(site);
    let memory = tokio::task::spawn_blocking(move || Memory::read(&reader)).await;
    let memory = memory.map_err(|ended| Refusal::internal(ended.to_string()))?;
    let resident = memory.resident.unwrap_or_default();
    let [graph_lag, search_lag] = site.progress.lag(site.log.head()).map(lag);
    let profiles = site.profiles.as_ref();
    let reached = site.progress.reached().profiles.scn;
    let profiles_scn = profiles.map_or(reached, ProfileStore::applied_scn);
    let graph = site.graphs.for_status();
    let overlay = graph.version().stats();
    let compaction = site.compaction.status();
    let views = site.views.counts();
    Ok(GetStatusResponse {
        graph: site.as_of(&graph),
        search: Some(site.progress.as_of(profiles_scn)),
        log_head: Some(site.progress.as_of(site.log.head())),
        snapshot: Some(snapshot_status(site, &compaction.snapshot)),
        members: graph.member_count(),
        connections: graph.connection_count(),
        overlay: Some(OverlayStatus {
            entries: overlay.entries,
            touched_nodes: overlay.touched_nodes,
            new_members: overlay.new_members,
            members_created_by_connections: overlay.members_created_by_connections,
            bytes: site.compaction.overlay_bytes(),
        }),
        compaction: Some(compaction_status(&compaction)),
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
        uptime: Some(duration_to_wire(site.started.elapsed())),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        graph_lag: Some(graph_lag),
        search_lag: Some(search_lag),
        memory: memory
            .parts
            .into_iter()
            .map(|part| MemoryPart {
                part: part.name.to_owned(),
                bytes: part.bytes,
                large_page_bytes: part.large_bytes,
            })
            .collect(),
        warnings: site
            .warnings
            .iter()
            .cloned()
            .chain(site.capture_stands())
            .collect(),
        graph_memory: Some(graph_memory(&compaction.residence)),
        key_conflicts: profiles.and_then(key_conflicts),
    })
}

pub(crate) fn snapshot_status(site: &Site, manifest: &Manifest) -> SnapshotStatus {
    let folder = site.folder.join(manifest.directory_name());
    // A working directory that is gone has no absolute path.
    let folder = path::absolute(&folder).unwrap_or(folder);
    SnapshotStatus {
        directory: folder.display().to_string(),
        lineage_id: manifest.lineage_id.to_string(),
        scn: manifest.scn.get(),
        members: manifest.members,
        connections: manifest.connections,
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
    }
}

fn key_conflicts(profiles: &ProfileStore) -> Option<KeyConflictStatus> {
    let (changes, last) = profiles.key_conflicts().found();
    last.map(|last| KeyConflictStatus {
        changes,
        member_id: last.member_id,
        kept_key: last.kept,
        stated_key: last.stated,
    })
}

fn compaction_status(status: &compaction::CompactionStatus) -> CompactionStatus {
    let running = status.running.map(|running| RunningCompaction {
        scn: running.scn.get(),
        nodes_written: running.nodes_written.into(),
        nodes: running.nodes.into(),
    });
    CompactionStatus {
        running,
        completed: status.completed,
        failed: status.failed,
        last_duration: status.last_time.map(duration_to_wire),
        last_failure: status
            .last_failure
            .as_deref()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn graph_memory(residence: &Residence) -> GraphMemoryStatus {
    let at = |residence: GraphResidence| GraphMemoryStatus {
        residence: residence.into(),
        ..Default::default()
    };
    match residence {
        Residence::Mapped(reason) => GraphMemoryStatus {
            reason: reason.to_string(),
            ..at(GraphResidence::Mapped)
        },
        Residence::Copying(copied_bytes, bytes) => GraphMemoryStatus {
            copied_bytes: *copied_bytes,
            bytes: *bytes,
            ..at(GraphResidence::Copying)
        },
        Residence::Resident => at(GraphResidence::Resident),
    }
}

fn lag(Lag { time, reason }: Lag) -> LagStatus {
    LagStatus {
        lag: Some(duration_to_wire(time)),
        reason: reason.map(|reason| reason.to_string()).unwrap_or_default(),
    }
}
