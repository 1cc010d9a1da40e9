//! The metrics of a log that the process owns and serves: its files, streams, syncs and published
//! windows.

use super::LogServer;
use cloud_serving::metrics::Page;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of what was published over the wire since the start. Lock-free.
#[derive(Debug, Default)]
pub(super) struct PublishCounts {
    windows: AtomicU64,
    changes: AtomicU64,
    bytes: AtomicU64,
    repeats: AtomicU64,
    failures: AtomicU64,
}

/// The size of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowSize {
    pub(super) changes: u64,
    pub(super) bytes: u64,
}

impl PublishCounts {
    /// Counts a window that became durable.
    pub(super) fn durable(&self, size: WindowSize) {
        self.windows.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(size.changes, Ordering::Relaxed);
        self.bytes.fetch_add(size.bytes, Ordering::Relaxed);
    }

    /// Counts a window that was a repeat, and was not written again.
    pub(super) fn repeated(&self) {
        self.repeats.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a window that was not made durable.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes the metrics of a log, except its head.
pub fn write_log_metrics(server: &LogServer, page: &mut Page) {
    let status = server.log.status();
    page.gauge("cloud_log_bytes", "Size of the log's files.", status.bytes);
    page.gauge("cloud_log_segments", "Files of the log.", status.segments);
    page.gauge(
        "cloud_log_oldest_after_scn",
        "The lowest SCN that the log can be read after.",
        status.oldest_after_scn,
    );
    page.histogram(
        "cloud_log_sync_seconds",
        "Time of a sync of the log's file, which makes a group of windows durable.",
        server.log.sync_times(),
    );
    page.gauges(
        "cloud_streams",
        "Open streams.",
        "rpc",
        [
            ("databus.v1.Databus/Subscribe", server.subscriptions()),
            ("databus.v1.Publisher/Publish", server.publishers()),
        ],
    );
    let sent = server.sent_scns();
    let sent: Vec<_> = sent
        .iter()
        .map(|(number, scn)| (number.to_string(), scn))
        .collect();
    page.gauges(
        "cloud_subscription_sent_scn",
        "The SCN of the last window that was sent whole, by subscription in order of beginning.",
        "subscription",
        sent.iter().map(|(number, scn)| (number.as_str(), scn)),
    );
    published(&server.published, page);
}

fn published(counts: &PublishCounts, page: &mut Page) {
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    page.counters(
        "cloud_published_windows_total",
        "Windows that were published over the wire, by outcome.",
        "outcome",
        [
            ("durable", count(&counts.windows)),
            ("repeat", count(&counts.repeats)),
            ("failed", count(&counts.failures)),
        ],
    );
    page.counter(
        "cloud_published_changes_total",
        "Changes of the windows that were made durable.",
        count(&counts.changes),
    );
    page.counter(
        "cloud_published_bytes_total",
        "Encoded size of the windows that were made durable.",
        count(&counts.bytes),
    );
}
