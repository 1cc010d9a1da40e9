//! The log that the site follows, wherever it is kept: a trait, and one implementation for each
//! place.
//!
//! A source names its log and says how much of it is durable. It gives the windows after an SCN in
//! their order, and says when it cannot be reached. Where this process owns the log, the source
//! hands it out, to be served, retained and closed.
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
use cloud_model::{LineageId, LogId, Scn};
use databus::{Log, LoggedWindow};
pub use error::LogSourceError;
use std::{sync::Arc, time::Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A log to follow.
pub(crate) trait LogSource: Send + Sync {
    /// The log's name.
    fn log_id(&self) -> LogId;

    /// The last durable SCN that is known.
    fn head(&self) -> Scn;

    /// Whether the source could be reached when it was opened: if not, `head` says nothing yet.
    fn is_head_known(&self) -> bool;

    /// The graph that the log began with; none before it is known.
    fn lineage_id(&self) -> Option<LineageId>;

    /// The address of the process that owns the log; none where this one does.
    fn owner(&self) -> Option<&str>;

    /// The windows after an SCN, for a server of which some part stands as far as `applied`: the
    /// log must reach up to there.
    fn windows_after(
        &self,
        after_scn: Scn,
        applied: Scn,
    ) -> Result<Box<dyn Windows>, LogSourceError>;

    /// The log itself, where this process owns it: it is served, retained and closed here.
    fn owned(&self) -> Option<&Log>;
}

/// Windows in their order.
pub(crate) trait Windows: Send {
    /// Waits for what comes next, no longer than until `stop`.
    fn next(&mut self, stop: &CancellationToken) -> Result<Next, LogSourceError>;
}

/// One thing that a source says.
pub(crate) enum Next {
    Window(LoggedWindow),
    /// Everything that was durable at the beginning was given. Said once.
    CaughtUp,
    /// Nothing more comes until the source is in reach again; the next call tries.
    OutOfReach(OutOfReach),
    /// The source is in reach again.
    InReach,
    /// The caller has stopped, or the log is closed.
    End,
}

/// The log cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutOfReach {
    pub(crate) reason: Arc<str>,
    /// The time until which the source was in reach.
    pub(crate) since: Instant,
}

/// Opens the log that goes on from the snapshot. A relay is tried until it answers when nothing
/// names the log: neither the snapshot nor `followed`, which reads the name of the log that was
/// followed before.
pub(crate) fn open(
    databus: Databus,
    manifest: &Manifest,
    limits: &Limits,
    runtime: Handle,
    followed: impl FnOnce() -> Option<LogId>,
) -> Result<Arc<dyn LogSource>, LogSourceError> {
    Ok(match databus {
        Databus::Embedded(folder) => Arc::new(embedded::EmbeddedLog::open(
            &folder, manifest, limits, runtime,
        )?),
        Databus::Relay(address) => Arc::new(relay::RelayLog::open(address, manifest, followed)?),
    })
}
