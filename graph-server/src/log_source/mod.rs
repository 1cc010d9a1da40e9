//! The log that the site follows: a trait, with one implementation for each place where a log is
//! kept.
//!
//! A source provides its log's id and last durable SCN, and the windows after an SCN in their
//! order. It reports when it is out of reach. If this process owns the log, the source provides it,
//! to be served, retained and closed.
//!
//! Imports from `config` and the top of the crate.

mod embedded;
mod error;
mod expected_log;
mod relay;
mod relay_client;
mod relay_windows;

use crate::{config::Databus, limits::Limits};
use cloud_engine::Manifest;
use cloud_model::{LineageId, LogId, LogPoint, Scn};
use databus::{Log, LoggedWindow};
pub use error::LogSourceError;
use std::{sync::Arc, time::Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A log to follow.
pub(crate) trait LogSource: Send + Sync {
    /// Returns the log's id.
    fn log_id(&self) -> LogId;

    /// Returns the last durable SCN that is known.
    fn head(&self) -> Scn;

    /// Returns the last durable point that is known.
    fn head_point(&self) -> LogPoint;

    /// Returns the lowest SCN after which the log is held; `None` if it is not known yet.
    fn oldest_after_scn(&self) -> Option<Scn>;

    /// Returns whether the source was in reach when it was opened. If not, `head` is not known yet.
    fn is_head_known(&self) -> bool;

    /// Returns the lineage that the log began with; `None` before it is known.
    fn lineage_id(&self) -> Option<LineageId>;

    /// Returns the address of the process that owns the log; `None` if it is this one.
    fn owner(&self) -> Option<&str>;

    /// Returns the windows after a point, whose history the log must have. `applied` is the SCN of
    /// the server's furthest part: the log must reach it.
    fn windows_after(
        &self,
        after: LogPoint,
        applied: Scn,
    ) -> Result<Box<dyn Windows>, LogSourceError>;

    /// Returns the log itself if this process owns it: then it is served, retained and closed here.
    fn owned(&self) -> Option<&Log>;
}

/// The windows of a log, in their order.
pub(crate) trait Windows: Send {
    /// Waits for the next event, but not beyond `stop`.
    fn next(&mut self, stop: &CancellationToken) -> Result<Next, LogSourceError>;
}

/// An event of a source.
pub(crate) enum Next {
    Window(LoggedWindow),
    /// Every window that was durable at the beginning was returned. Returned once.
    CaughtUp,
    /// No windows come until the source is in reach again; the next call retries.
    OutOfReach(OutOfReach),
    /// The source is in reach again.
    InReach,
    /// The follower was stopped, or the log is closed.
    End,
}

/// Why the log cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutOfReach {
    pub(crate) reason: Arc<str>,
    /// The time until which the source was in reach.
    pub(crate) since: Instant,
}

/// Opens the log that continues the snapshot. `followed` reads the id of the log that was followed
/// before. If a relay is out of reach, and neither the snapshot nor `followed` gives the log's id,
/// this retries until the relay answers, and calls `waiting` with the reason of each failure.
pub(crate) fn open(
    databus: Databus,
    manifest: &Manifest,
    limits: &Limits,
    runtime: Handle,
    followed: impl FnOnce() -> Option<LogId>,
    waiting: impl Fn(&str),
) -> Result<Arc<dyn LogSource>, LogSourceError> {
    Ok(match databus {
        Databus::Embedded(folder) => Arc::new(embedded::EmbeddedLog::open(
            &folder, manifest, limits, runtime,
        )?),
        Databus::Relay(address) => {
            Arc::new(relay::RelayLog::open(address, manifest, followed, waiting)?)
        }
    })
}
