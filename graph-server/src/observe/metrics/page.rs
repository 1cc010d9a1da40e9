//! `/metrics`: what the server counts and holds, as of now.

use crate::{
    observe::{
        memory::Memory,
        metrics::{calls::Call, text::Page},
    },
    site::Site,
};
use databus::rpc::LogServer;
use std::{
    io,
    sync::atomic::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};
use tonic::Code;

/// The page, as text. Reads the system's own counts too: file work.
pub(crate) fn page(site: &Site) -> io::Result<String> {
    let memory = Memory::read(site)?;
    let mut page = Page::default();
    process(&mut page, site);
    calls(&mut page, site.calls.all());
    log(&mut page, site);
    graph(&mut page, site);
    views(&mut page, site);
    workers(&mut page, site);
    page.gauges(
        "cloud_memory_bytes",
        "Resident memory by part; the parts do not overlap.",
        "part",
        memory.parts,
    );
    Ok(page.into_text())
}

fn process(page: &mut Page, site: &Site) {
    let started = SystemTime::now().checked_sub(site.started.elapsed());
    let since = started.and_then(|started| started.duration_since(UNIX_EPOCH).ok());
    page.gauge(
        "process_start_time_seconds",
        "When the server had started, in seconds since 1970.",
        since.unwrap_or_default().as_secs_f64(),
    );
    page.gauge(
        "cloud_serving",
        "1 when the server follows the log and answers.",
        u8::from(site.check_serving().is_ok()),
    );
}

fn calls(page: &mut Page, calls: &[Call]) {
    let by_code = calls.iter().flat_map(|call| {
        let codes = (0..).zip(&call.by_code);
        codes.map(|(code, times)| {
            let labels = [("rpc", call.name.as_str()), ("code", code_name(code))];
            (labels, times)
        })
    });
    page.histograms(
        "cloud_rpc_seconds",
        "Time to an answer; of a stream, until it began.",
        by_code,
    );
    let in_flight = calls
        .iter()
        .map(|call| (call.name.as_str(), call.in_flight.load(Ordering::Relaxed)));
    page.gauges(
        "cloud_rpc_in_flight",
        "Calls being answered; streams until they began.",
        "rpc",
        in_flight,
    );
}

/// As the gRPC documentation spells it.
fn code_name(code: i32) -> &'static str {
    match Code::from_i32(code) {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn log(page: &mut Page, site: &Site) {
    let head = site.log.head();
    let reached = site.progress.reached();
    let [graph, people] = site.progress.lag(head);
    page.gauge("cloud_log_head_scn", "The newest durable SCN.", head);
    page.gauges(
        "cloud_applied_scn",
        "The SCN that answers are exact as of, by what they are answered from.",
        "side",
        [("graph", reached.graph), ("people", reached.people)],
    );
    page.gauges(
        "cloud_lag_seconds",
        "Something that was durable so long ago is not applied yet, at least.",
        "side",
        [("graph", &graph), ("people", &people)].map(|(side, lag)| (side, lag.time.as_secs_f64())),
    );
    // What stops both sides is one reason.
    let reason = graph.reason.or(people.reason);
    page.gauges(
        "cloud_lag_reason",
        "1 for the reason why something is not applied, where it is known.",
        "reason",
        reason.iter().map(|reason| (&**reason, 1)),
    );
    let followed = site.progress.followed_counts();
    page.counter(
        "cloud_followed_windows_total",
        "Durable windows that were read from the log, at the start too.",
        followed.windows,
    );
    page.counter(
        "cloud_followed_changes_total",
        "Changes of these windows.",
        followed.changes,
    );
    if let Some(log) = site.log.own() {
        own_log(page, log);
    }
}

fn own_log(page: &mut Page, log: &LogServer) {
    let status = log.log().status();
    page.gauge("cloud_log_bytes", "Size of the log's files.", status.bytes);
    page.gauge(
        "cloud_log_oldest_after_scn",
        "The lowest SCN that the log can be read after.",
        status.oldest_after_scn,
    );
    page.gauges(
        "cloud_streams",
        "Open streams.",
        "rpc",
        [
            ("databus.v1.Databus/Subscribe", log.subscriptions()),
            ("databus.v1.Publisher/Publish", log.publishers()),
        ],
    );
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
        "Memory of the overlay, and of what is kept for the base that is being made.",
        site.compaction.overlay_bytes(),
    );
    let compaction = site.compaction.status();
    page.gauge(
        "cloud_snapshot_scn",
        "Where the newest snapshot stands.",
        compaction.snapshot.scn.get(),
    );
    page.gauge(
        "cloud_oldest_snapshot_scn",
        "Where the oldest snapshot stands that a start can fall back to: the log is needed from there on.",
        compaction.oldest_kept.get(),
    );
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
        "How long the last one took that was completed; 0 when none was.",
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
        "How often a view was asked for: it was there and held, it was not there, it no longer held.",
        "outcome",
        [("hit", views.hits), ("miss", views.misses), ("rebuild", views.rebuilds)],
    );
}

fn workers(page: &mut Page, site: &Site) {
    let workers = [
        ("heavy", site.heavy.counts()),
        ("search", site.search.counts()),
    ];
    page.gauges(
        "cloud_worker_requests",
        "Requests that run on, or wait for, the threads.",
        "threads",
        workers.map(|(threads, counts)| (threads, counts.requests)),
    );
    page.counters(
        "cloud_worker_refused_total",
        "Requests that were refused because too many waited for the threads.",
        "threads",
        workers.map(|(threads, counts)| (threads, counts.refused)),
    );
}
