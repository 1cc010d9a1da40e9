//! What can be chosen about a log, and what is known of it from elsewhere.

use crate::checked_window::WindowLimits;
use crate::limits::{WINDOW_BYTES_MAX, WINDOW_CHANGES_MAX};
use cloud_model::{LogId, Scn};
use std::time::Duration;

/// How a log is opened. `LogOptions::default()` is right for a server with a new log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The log that a snapshot goes on from: any other is refused, and none is made. `None`: the log may be made, and
    /// must have begun with the origin that is given.
    pub log_id: Option<LogId>,
    /// An SCN that is known to have been durable, from a snapshot: a log that does not reach it has lost something.
    pub durable_scn: Scn,
    /// A segment that has grown to this many bytes gets a successor (it ends with the group that fills it).
    pub segment_bytes: u64,
    /// Changes in a window, at most.
    pub window_changes_max: usize,
    /// Encoded bytes in a window, at most.
    pub window_bytes_max: usize,
    /// Windows that wait for the writer, at most; further callers wait for room.
    pub queue_windows_max: usize,
    /// Bytes that are written between two syncs, unless one window is larger.
    pub group_bytes_max: usize,
    /// After so long without a successor a group commit is followed by a mark.
    pub mark_after: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            log_id: None,
            durable_scn: Scn::BEGINNING,
            segment_bytes: 128 << 20,
            window_changes_max: WINDOW_CHANGES_MAX,
            window_bytes_max: WINDOW_BYTES_MAX,
            queue_windows_max: 1024,
            group_bytes_max: 8 << 20,
            mark_after: Duration::from_millis(50),
        }
    }
}

impl From<&LogOptions> for WindowLimits {
    fn from(options: &LogOptions) -> Self {
        Self {
            changes_max: options.window_changes_max,
            bytes_max: options.window_bytes_max,
        }
    }
}
