//! The page `/metrics`: the server's counters and gauges.

use crate::{compaction::Residence, ingest::progress::Part, observe::memory::Memory, site::Site};
use cloud_capture::stream::write_metrics;
use cloud_profile::Bound;
use cloud_serving::metrics::Page;
use databus::rpc::write_log_metrics;
use std::collections::BTreeSet;

const PARTS: [Part; 2] = [Part::Graph, Part::Profiles];

/// Returns the page as text. Reads the memory from the system: file work.
pub(crate) fn page(site: &Site) -> String {
    let mut page = Page::default();
    page.server(site.started, site.check_serving().is_ok(), &site.calls);
    log(&mut page, site);
    graph(&mut page, site);
    views(&mut page, site);
    workers(&mut page, site);
    memory(&mut page, site);
    if let Some(progress) = site.capture.get() {
        write_metrics(progress, &mut page);
    }
    page.into_text()
}

fn memory(page: &mut Page, site: &Site) {
    let parts = Memory::read(site).parts;
    page.gauges(
        "cloud_memory_bytes",
        "Resident memory by part; the parts do not overlap.",
        "part",
        parts.iter().map(|part| (part.name, part.bytes)),
    );
    page.gauges(
        "cloud_memory_large_page_bytes",
        "The part of cloud_memory_bytes that stands in large pages of the system.",
        "part",
        parts
            .iter()
            .filter_map(|part| Some((part.name, part.large_bytes?))),
    );
    page.gauge(
        "cloud_graph_resident",
        "1 while the graph is read from a copy in memory, 0 while from the map of its file.",
        u8::from(site.compaction.status().residence == Residence::Resident),
    );
}

fn log(page: &mut Page, site: &Site) {
    let head = site.log.head();
    let reached = site.progress.reached();
    let lag = site.progress.lag(head);
    page.gauge("cloud_log_head_scn", "The newest durable SCN.", head.get());
    page.gauges(
        "cloud_applied_scn",
        "The SCN as of which answers are exact, by the side that they are answered from.",
        "side",
        PARTS.map(|part| (part.name(), reached.part(part).scn.get())),
    );
    page.gauges(
        "cloud_side_serving",
        "1 while calls are answered from this side; 0 while it is rebuilt, or once it has failed.",
        "side",
        PARTS.map(|part| (part.name(), u8::from(reached.part(part).is_served()))),
    );
    page.gauges(
        "cloud_lag_seconds",
        "Lower bound of the time for which a durable window has not been applied.",
        "side",
        PARTS
            .iter()
            .zip(&lag)
            .map(|(part, lag)| (part.name(), lag.time.as_secs_f64())),
    );
    // Both sides may have the same reason: it is listed once.
    let reasons: BTreeSet<_> = lag.into_iter().filter_map(|lag| lag.reason).collect();
    page.gauges(
        "cloud_lag_reason",
        "1 for the reason why a window is not applied, if it is known.",
        "reason",
        reasons.iter().map(|reason| (&**reason, 1)),
    );
    let followed = site.progress.followed_counts();
    page.counter(
        "cloud_followed_windows_total",
        "Durable windows that were read from the log, with those of the start.",
        followed.windows,
    );
    page.counter(
        "cloud_followed_changes_total",
        "Changes of these windows.",
        followed.changes,
    );
    page.counter(
        "cloud_followed_changes_not_existing_total",
        "Changes of existing members only that changed nothing: a member does not exist.",
        followed.not_existing,
    );
    if let Some(log) = &site.log_server {
        write_log_metrics(log, page);
    }
}

fn graph(page: &mut Page, site: &Site) {
    let graph = site.graphs.for_status();
    let overlay = graph.version().stats();
    page.gauge("cloud_members", "Live members.", graph.member_count());
    page.gauge(
        "cloud_connections",
        "Live connections.",
        graph.connection_count(),
    );
    page.gauge(
        "cloud_overlay_entries",
        "Entries of the overlay: two a connection change.",
        overlay.entries,
    );
    page.gauge(
        "cloud_overlay_touched_nodes",
        "Nodes with entries in the overlay.",
        overlay.touched_nodes,
    );
    page.gauge(
        "cloud_overlay_bytes",
        "Memory of the overlay, and of the changes kept for the base that is being written.",
        site.compaction.overlay_bytes(),
    );
    let compaction = site.compaction.status();
    page.gauge(
        "cloud_snapshot_scn",
        "The SCN of the newest snapshot.",
        compaction.snapshot.scn.get(),
    );
    page.gauge(
        "cloud_oldest_snapshot_scn",
        "The SCN of the oldest snapshot that a start can fall back to: the log is needed after it.",
        compaction.needed.graph.get(),
    );
    page.gauge(
        "cloud_oldest_profiles_scn",
        "The SCN of the oldest profiles in a snapshot; the log is kept after it, within limits.",
        compaction.needed.profiles.get(),
    );
    if let Some(profiles) = &site.profiles {
        page.counters(
            "cloud_profile_changes_over_bounds_total",
            "Changes of profiles that had no effect, because a profile would exceed a bound.",
            "bound",
            Bound::ALL.map(|bound| (bound.name(), profiles.over_bounds().changes(bound))),
        );
        page.counter(
            "cloud_profile_key_conflicts_total",
            "Changes of profiles that had no effect, because the member has another key.",
            profiles.key_conflicts().found().0,
        );
    }
    page.gauge(
        "cloud_compaction_running",
        "1 while the overlay is folded into a new snapshot.",
        u8::from(compaction.running.is_some()),
    );
    page.counters(
        "cloud_compactions_total",
        "Compactions that ended, since the start.",
        "outcome",
        [
            ("completed", compaction.completed),
            ("failed", compaction.failed),
        ],
    );
    page.gauge(
        "cloud_compaction_seconds",
        "The duration of the last completed compaction; 0 if there was none.",
        compaction.last_time.unwrap_or_default().as_secs_f64(),
    );
}

fn views(page: &mut Page, site: &Site) {
    let views = site.views.counts();
    page.gauge(
        "cloud_views",
        "Cached views, with those that sessions keep.",
        views.views,
    );
    page.gauge("cloud_views_bytes", "Memory of cached views.", views.bytes);
    page.gauge(
        "cloud_views_bytes_max",
        "Memory that all views may take, those that sessions keep among them.",
        views.bytes_max,
    );
    page.gauge("cloud_sessions", "Open sessions.", views.sessions);
    page.gauge(
        "cloud_session_views_bytes",
        "Memory of the views that sessions keep.",
        views.session_bytes,
    );
    page.counters(
        "cloud_view_lookups_total",
        "Lookups of cached views: hit, miss (not cached), rebuild (cached, but no longer valid).",
        "outcome",
        [
            ("hit", views.hits),
            ("miss", views.misses),
            ("rebuild", views.rebuilds),
        ],
    );
}

fn workers(page: &mut Page, site: &Site) {
    let workers = [
        ("heavy", site.heavy.counts()),
        ("search", site.search.counts()),
        ("batches", site.batches.counts()),
    ];
    page.gauges(
        "cloud_worker_requests",
        "Requests that run on, or wait for, the threads.",
        "threads",
        workers.map(|(threads, counts)| (threads, counts.requests)),
    );
    page.counters(
        "cloud_worker_refused_total",
        "Requests that were refused because the threads' queue was full.",
        "threads",
        workers.map(|(threads, counts)| (threads, counts.refused)),
    );
}
