//! `cloudctl status`.

use crate::{
    answer::{Answer, as_of_json, milliseconds, span},
    exit::Failed,
    servers::Servers,
    table::Table,
};
use cloud_client::proto::cloud::v1::{
    CompactionStatus, GraphMemoryStatus, GraphResidence, KeyConflictStatus, LagStatus,
    SnapshotStatus,
};
use cloud_client::proto::databus::v1::{AsOf, GetStatusResponse};
use serde_json::json;

pub(crate) async fn ask(servers: &Servers) -> Result<Answer, Failed> {
    let status = servers.admin().await?.status().await?;
    let log = servers.log().await?.log_status().await?;
    let snapshot = status.snapshot.unwrap_or_default();
    let overlay = status.overlay.unwrap_or_default();
    let compaction = status.compaction.unwrap_or_default();
    let views = status.views.unwrap_or_default();
    let scn = |as_of: &Option<AsOf>| as_of.as_ref().map(|as_of| as_of.scn).unwrap_or_default();
    let log_id = log
        .head
        .as_ref()
        .map(|head| head.log_id.clone())
        .unwrap_or_default();
    let graph_memory = status.graph_memory.clone().unwrap_or_default();
    let facts = [
        ("version", status.version.clone()),
        ("uptime", format!("{} s", span(status.uptime).as_secs())),
        ("log", log_id),
        ("log head", format!("SCN {}", scn(&status.log_head))),
        (
            "graph",
            format!("SCN {}{}", scn(&status.graph), behind(&status.graph_lag)),
        ),
        (
            "search and profiles",
            format!("SCN {}{}", scn(&status.search), behind(&status.search_lag)),
        ),
        ("members", status.members.to_string()),
        ("connections", status.connections.to_string()),
        (
            "snapshot",
            format!(
                "SCN {}, {} members, {} connections, {}, lineage {}, in {}",
                snapshot.scn,
                snapshot.members,
                snapshot.connections,
                mib(snapshot.bytes),
                snapshot.lineage_id,
                snapshot.directory
            ),
        ),
        (
            "overlay",
            format!(
                "{} entries, {} touched nodes, {} new members ({} by connections), {}",
                overlay.entries,
                overlay.touched_nodes,
                overlay.new_members,
                overlay.members_created_by_connections,
                mib(overlay.bytes)
            ),
        ),
        ("compactions", compactions(&compaction)),
        (
            "views",
            format!(
                "{} in {} of {}, {} hits, {} misses, {} rebuilds",
                views.views,
                mib(views.bytes),
                mib(views.bytes_max),
                views.hits,
                views.misses,
                views.rebuilds
            ),
        ),
        (
            "sessions",
            format!("{}, {} of views", views.sessions, mib(views.session_bytes)),
        ),
        ("log files", log_files(&log)),
        (
            "memory",
            format!(
                "{} own, {} mapped",
                mib(status.anonymous_bytes),
                mib(status.mapped_bytes)
            ),
        ),
        ("graph memory", residence(&graph_memory)),
    ];
    let mut rows = Table::new(&["property", "value"]);
    for (name, fact) in facts {
        rows.add_row([name, &fact]);
    }
    for warning in status.warnings.iter().chain(&log.warnings) {
        rows.add_row(["warning", warning]);
    }
    if let Some(conflicts) = &status.key_conflicts {
        rows.add_row(["key conflicts", &key_conflicts(conflicts)]);
    }
    for part in &status.memory {
        let large = part.large_page_bytes.unwrap_or(0);
        let large = match large {
            0 => String::new(),
            large => format!(", {} of it in large pages", mib(large)),
        };
        rows.add_row([
            format!("  {}", part.part),
            format!("{}{large}", mib(part.bytes)),
        ]);
    }
    let source = |source: &cloud_client::proto::databus::v1::SourceStatus| {
        rows.add_row([
            format!("source {}", source.source_id),
            format!("offset {}, SCN {}", source.last_offset, source.scn),
        ]);
        json!({
            "source_id": source.source_id,
            "last_offset": source.last_offset,
            "scn": source.scn,
        })
    };
    let sources: Vec<_> = log.sources.iter().map(source).collect();
    let memory = status.memory.iter();
    let memory: serde_json::Map<_, _> = memory
        .map(|part| (part.part.clone(), json!(part.bytes)))
        .collect();
    let large_pages = status.memory.iter();
    let large_pages: serde_json::Map<_, _> = large_pages
        .filter_map(|part| Some((part.part.clone(), json!(part.large_page_bytes?))))
        .collect();
    let json = json!({
        "version": status.version,
        "uptime_seconds": span(status.uptime).as_secs(),
        "graph": as_of_json(status.graph.as_ref()),
        "search": as_of_json(status.search.as_ref()),
        "log_head": as_of_json(status.log_head.as_ref()),
        "members": status.members,
        "connections": status.connections,
        "snapshot": snapshot_json(&snapshot),
        "compaction": {
            "running": compaction.running.map(|running| json!({
                "scn": running.scn,
                "nodes_written": running.nodes_written,
                "nodes": running.nodes,
            })),
            "completed": compaction.completed,
            "failed": compaction.failed,
            "last_milliseconds": milliseconds(compaction.last_duration),
            "last_failure": compaction.last_failure,
        },
        "overlay": {
            "entries": overlay.entries,
            "touched_nodes": overlay.touched_nodes,
            "new_members": overlay.new_members,
            "members_created_by_connections": overlay.members_created_by_connections,
            "bytes": overlay.bytes,
        },
        "views": {
            "views": views.views,
            "bytes": views.bytes,
            "bytes_max": views.bytes_max,
            "hits": views.hits,
            "misses": views.misses,
            "rebuilds": views.rebuilds,
            "sessions": views.sessions,
            "session_bytes": views.session_bytes,
        },
        "anonymous_bytes": status.anonymous_bytes,
        "mapped_bytes": status.mapped_bytes,
        "graph_lag": lag_json(status.graph_lag.as_ref()),
        "search_lag": lag_json(status.search_lag.as_ref()),
        "memory": memory,
        "large_page_bytes": large_pages,
        "graph_memory": {
            "residence": residence_name(graph_memory.residence()),
            "reason": graph_memory.reason,
            "copied_bytes": graph_memory.copied_bytes,
            "bytes": graph_memory.bytes,
        },
        "key_conflicts": status.key_conflicts.map(|conflicts| json!({
            "changes": conflicts.changes,
            "member_id": conflicts.member_id,
            "kept_key": conflicts.kept_key,
            "stated_key": conflicts.stated_key,
        })),
        "warnings": status.warnings.iter().chain(&log.warnings).collect::<Vec<_>>(),
        "log": {
            "owner": log.owner,
            "oldest_after_scn": log.oldest_after_scn,
            "bytes": log.bytes,
            "segments": log.segments,
            "sources": sources,
        },
    });
    Ok(Answer {
        text: format!("{rows}\n"),
        json,
    })
}

/// Returns the name of a residence as `--json` prints it.
fn residence_name(residence: GraphResidence) -> &'static str {
    match residence {
        GraphResidence::Unspecified => "unknown",
        GraphResidence::Mapped => "mapped",
        GraphResidence::Copying => "copying",
        GraphResidence::Resident => "resident",
    }
}

fn residence(memory: &GraphMemoryStatus) -> String {
    let name = residence_name(memory.residence());
    match memory.residence() {
        GraphResidence::Mapped => format!("{name}: {}", memory.reason),
        GraphResidence::Copying => {
            let (copied, all) = (mib(memory.copied_bytes), mib(memory.bytes));
            format!("{name}, {copied} of {all}")
        }
        GraphResidence::Unspecified | GraphResidence::Resident => name.to_owned(),
    }
}

fn log_files(log: &GetStatusResponse) -> String {
    if log.owner.is_empty() {
        format!("{} in {} segments", mib(log.bytes), log.segments)
    } else {
        format!("at {}, which owns the log", log.owner)
    }
}

fn key_conflicts(conflicts: &KeyConflictStatus) -> String {
    let KeyConflictStatus {
        changes,
        member_id,
        kept_key,
        stated_key,
    } = conflicts;
    format!(
        "{changes} upserts had no effect; the last stated the key {stated_key:?} for member \
         {member_id}, which has {kept_key:?}: choose another seed and bootstrap again"
    )
}

/// Returns how far a part is behind; empty if no lag is known.
fn behind(lag: &Option<LagStatus>) -> String {
    let LagStatus { lag, reason } = lag.clone().unwrap_or_default();
    match milliseconds(lag) {
        milliseconds if milliseconds > 0 || !reason.is_empty() => {
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(": {reason}")
            };
            format!(", at least {milliseconds} ms behind{reason}")
        }
        _ => String::new(),
    }
}

fn lag_json(lag: Option<&LagStatus>) -> serde_json::Value {
    let lag = lag.cloned().unwrap_or_default();
    json!({ "milliseconds": milliseconds(lag.lag), "reason": lag.reason })
}

fn compactions(compaction: &CompactionStatus) -> String {
    let running = compaction.running.as_ref().map(|running| {
        let (written, nodes) = (running.nodes_written, running.nodes);
        format!(
            ", one at SCN {} has written {written} of {nodes} members",
            running.scn
        )
    });
    let last = (compaction.completed > 0).then(|| {
        format!(
            ", the last took {} ms",
            milliseconds(compaction.last_duration)
        )
    });
    let failure = (!compaction.last_failure.is_empty())
        .then(|| format!(", the last failed: {}", compaction.last_failure));
    format!(
        "{} completed, {} failed{}{}{}",
        compaction.completed,
        compaction.failed,
        last.unwrap_or_default(),
        running.unwrap_or_default(),
        failure.unwrap_or_default()
    )
}

pub(crate) fn snapshot_json(snapshot: &SnapshotStatus) -> serde_json::Value {
    json!({
        "lineage_id": snapshot.lineage_id,
        "scn": snapshot.scn,
        "members": snapshot.members,
        "connections": snapshot.connections,
        "bytes": snapshot.bytes,
        "directory": snapshot.directory,
    })
}

pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
