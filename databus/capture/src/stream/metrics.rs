//! The page of metrics.

use cloud_serving::metrics::Page;

use crate::stream::progress::Progress;

/// Writes the metrics of capture.
pub fn write_metrics(progress: &Progress, page: &mut Page) {
    let figures = progress.figures();
    page.gauge(
        "cloud_capture_streaming",
        "1 while the database sends its changes.",
        u8::from(figures.is_streaming),
    );
    page.gauge(
        "cloud_capture_read_lsn",
        "The position up to which every transaction was read.",
        figures.read,
    );
    page.gauge(
        "cloud_capture_durable_lsn",
        "The offset of the last window that is durable in the log.",
        figures.durable,
    );
    page.gauge(
        "cloud_capture_lag_bytes",
        "Bytes of the database's log that are not yet durable in the databus's log.",
        figures.database.saturating_sub(figures.durable),
    );
    if let Some(caught_up) = figures.caught_up {
        page.gauge(
            "cloud_capture_lag_seconds",
            "Age of the end of the database's log up to which everything is durable.",
            caught_up.elapsed().as_secs_f64(),
        );
    }
    page.counter(
        "cloud_capture_windows_total",
        "Windows that were sent, one for each transaction with mapped changes.",
        figures.windows,
    );
    page.counter(
        "cloud_capture_empty_windows_total",
        "Empty windows that were sent, which state a position.",
        figures.empty_windows,
    );
    page.counter(
        "cloud_capture_split_transactions_total",
        "Transactions that became several windows.",
        figures.split_transactions,
    );
    page.counter(
        "cloud_capture_dead_letters_total",
        "Rows that were set aside.",
        figures.dead_letters,
    );
    let rows = figures.rows.iter();
    page.counters(
        "cloud_capture_rows_total",
        "Changed rows of mapped tables that were read.",
        "table",
        rows.map(|(table, rows)| (&**table, *rows)),
    );
    let statuses = ["reserved", "extended", "unreserved", "lost"];
    page.gauges(
        "cloud_capture_wal_status",
        "1 for what the database says of the log that the slot needs.",
        "status",
        statuses.map(|status| (status, u8::from(status == figures.wal_status))),
    );
    if let Some(bytes) = figures.safe_wal_bytes {
        page.gauge(
            "cloud_capture_safe_wal_bytes",
            "Bytes that the database may still write before the slot may lose its log.",
            bytes,
        );
    }
}
