//! The options of a log, and the facts that a snapshot knows about it.

use crate::checked_window::WindowLimits;
use crate::limits::{WINDOW_BYTES_MAX, WINDOW_CHANGES_MAX};
use cloud_engine::{Manifest, StandsAt};
use cloud_model::{LogId, LogPoint, Scn, SourceMark};
use std::time::Duration;

/// The options with which a log is opened. `LogOptions::default()` is right for a server with a new
/// log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The log that a snapshot continues. Any other log is rejected, and no log is created. With
    /// `None` the log may be created. A log that exists must then have begun with the given origin.
    pub log_id: Option<LogId>,
    /// The log to create if there is none: the one that an adopted snapshot begins. With `None`, a
    /// new log begins with the first SCN and an id of its own.
    pub begin: Option<LogBegin>,
    /// An SCN that a snapshot knows to be durable. A log that ends before it has lost changes.
    pub durable_scn: Scn,
    /// The size at which a segment gets a successor, in bytes. The segment ends with the group that
    /// fills it.
    pub segment_bytes: u64,
    /// The most changes in a window.
    pub window_changes_max: usize,
    /// The most encoded bytes of a window's changes.
    pub window_bytes_max: usize,
    /// The most windows in the writer's queue. Further callers wait for room.
    pub queue_windows_max: usize,
    /// The size at which a group is synced, in bytes. The last window of the group may exceed it.
    pub group_bytes_max: usize,
    /// The time after which a group commit is followed by a mark, unless another group follows
    /// first.
    pub mark_after: Duration,
}

/// Where a new log begins that continues a snapshot of another log.
#[derive(Clone, Debug)]
pub struct LogBegin {
    /// The id of the new log.
    pub log_id: LogId,
    /// The point before its first window, which has the next SCN.
    pub after: LogPoint,
    /// The last offset of each source, as far as the snapshot holds it. Windows up to it are
    /// repeats.
    pub sources: Vec<SourceMark>,
}

impl LogOptions {
    /// Returns the options for the log that a snapshot continues or begins. The log behind a
    /// snapshot that stands at offsets of sources is not known.
    #[must_use]
    pub fn continuing(self, manifest: &Manifest) -> Self {
        match &manifest.stands_at {
            StandsAt::Beginning {} | StandsAt::AtSourceOffsets { .. } => self,
            StandsAt::AtScn { log_id, scn, .. } => Self {
                log_id: Some(*log_id),
                durable_scn: *scn,
                ..self
            },
            StandsAt::NewLog { log_id, scn, .. } => Self {
                log_id: Some(*log_id),
                durable_scn: *scn,
                begin: Some(LogBegin {
                    log_id: *log_id,
                    after: manifest.point(),
                    sources: manifest.sources.clone(),
                }),
                ..self
            },
        }
    }
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            log_id: None,
            begin: None,
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
