//! The log that the snapshot goes on from: opened, or found at its relay.
//!
//! A relay that is out of reach is out of reach, at the start as later: the server answers as of where it stands, says so, and goes
//! on asking; what its log must be is checked when it answers. Only who never followed a log waits for one: there is no answer
//! without the log's name.

use crate::{
    config::Databus,
    ingest::progress::{Progress, Unheard},
    limits::Limits,
    log_source::{
        change_log::{ChangeLog, RelayLog},
        expected_log::ExpectedLog,
        relay::{Relay, Trouble},
        relay_windows::RelayWindows,
        windows::{OwnWindows, Windows},
    },
    start::StartError,
};
use cloud_engine::{Manifest, StandsAt};
use cloud_model::{LogId, Scn};
use databus::{Log, LogOptions, limits::StreamLimits, rpc::LogServer};
use std::{path::Path, sync::Arc, time::Instant};
use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

/// A log that fits the snapshot.
pub(crate) enum OpenedLog {
    Own(Log),
    Relay(Arc<RelayLog>),
    /// A relay's, which has not answered for this reason.
    Unheard(Arc<RelayLog>, ExpectedLog, String),
}

impl OpenedLog {
    /// Opens an embedded log, or asks a relay: again and again until it answers when nothing names the log, neither the snapshot
    /// nor `followed`, which answers the log that was followed before.
    pub(crate) fn open(
        databus: Databus,
        manifest: &Manifest,
        limits: &Limits,
        followed: impl FnOnce() -> Result<Option<LogId>, StartError>,
    ) -> Result<Self, StartError> {
        match databus {
            Databus::Embedded(folder) => open_log(&folder, manifest, limits).map(Self::Own),
            Databus::Relay(address) => runtime()?.block_on(find(address, manifest, followed)),
        }
    }

    pub(crate) fn log_id(&self) -> LogId {
        match self {
            Self::Own(log) => log.log_id(),
            Self::Relay(log) | Self::Unheard(log, ..) => log.log_id,
        }
    }

    /// Where it ends, if that is known.
    pub(crate) fn head(&self) -> Option<Scn> {
        match self {
            Self::Own(log) => Some(log.head()),
            Self::Relay(log) => Some(log.head()),
            Self::Unheard(..) => None,
        }
    }

    /// What the follower reads: graph and profiles stand at these SCNs.
    pub(crate) fn windows_after(
        &self,
        [graph, people]: [Scn; 2],
        progress: &Arc<Progress>,
    ) -> Result<Windows, StartError> {
        let (after_scn, reached) = (graph.min(people), graph.max(people));
        let (log, expected) = match self {
            Self::Own(log) => {
                let windows = OwnWindows::new(log, log.read_after(after_scn)?);
                return Ok(Windows::Own(windows));
            }
            Self::Relay(log) => (log, None),
            Self::Unheard(log, expected, reason) => {
                log.heard_of(reached);
                progress.log_unheard(Some(Unheard {
                    reason: reason.as_str().into(),
                    since: Instant::now(),
                }));
                let expected = ExpectedLog {
                    log_id: Some(log.log_id),
                    scn: reached,
                    ..*expected
                };
                (log, Some(expected))
            }
        };
        let windows = RelayWindows::new(Arc::clone(log), expected, Arc::clone(progress), after_scn);
        Ok(Windows::Relay(Box::new(windows), runtime()?))
    }

    /// What the calls are answered from.
    pub(crate) fn served(
        self,
        limits: StreamLimits,
        stopping: &CancellationToken,
        progress: &Arc<Progress>,
    ) -> ChangeLog {
        match self {
            Self::Own(log) => {
                let follows = Arc::clone(progress);
                let trouble = move || follows.reached().failed.map(|reason| reason.to_string());
                let server = LogServer::new(log, limits, stopping.clone(), trouble);
                ChangeLog::Own(Arc::new(server))
            }
            Self::Relay(log) | Self::Unheard(log, ..) => ChangeLog::Relay(log),
        }
    }
}

/// For a relay's connection alone.
fn runtime() -> Result<Runtime, StartError> {
    let mut runtime = runtime::Builder::new_current_thread();
    runtime
        .enable_all()
        .build()
        .map_err(|source| StartError::Io {
            path: "threads".into(),
            source,
        })
}

fn open_log(folder: &Path, manifest: &Manifest, limits: &Limits) -> Result<Log, StartError> {
    let queue_windows_max = limits.streams().log_queue_windows_max();
    let options = LogOptions {
        queue_windows_max,
        segment_bytes: limits.log_segment_bytes,
        ..LogOptions::default()
    };
    let options = match &manifest.stands_at {
        StandsAt::Beginning {} => options,
        StandsAt::AtScn { log_id, scn } => LogOptions {
            log_id: Some(*log_id),
            durable_scn: *scn,
            ..options
        },
        StandsAt::AtSourceOffset { source_id, offset } => {
            return Err(at_source_offset(source_id, *offset));
        }
    };
    Ok(Log::open(folder, manifest.lineage_id, options)?)
}

fn at_source_offset(source_id: &str, offset: u64) -> StartError {
    StartError::AtSourceOffset {
        source_id: source_id.to_owned(),
        offset,
    }
}

/// Asks the relay, and checks that its log is the snapshot's.
async fn find(
    address: String,
    manifest: &Manifest,
    followed: impl FnOnce() -> Result<Option<LogId>, StartError>,
) -> Result<OpenedLog, StartError> {
    let expected = expected(manifest)?;
    let mut relay = Relay::new(address);
    let mut followed = Some(followed);
    loop {
        let reason = match relay.status().await {
            Ok(status) => {
                expected.check(&relay.address, status)?;
                let log = RelayLog::new(relay.address, status.log_id);
                log.told(status);
                return Ok(OpenedLog::Relay(Arc::new(log)));
            }
            Err(Trouble::ForGood(error)) => return Err(error.into()),
            Err(Trouble::ForNow(reason)) => reason,
        };
        let mut named = expected.log_id;
        if named.is_none()
            && let Some(followed) = followed.take()
        {
            named = followed()?;
        }
        if let Some(log_id) = named {
            tracing::warn!(%reason, "starting without the log");
            let log = Arc::new(RelayLog::new(relay.address, log_id));
            return Ok(OpenedLog::Unheard(log, expected, reason));
        }
        tracing::warn!(%reason, "cannot start without the name of its log, trying again");
        relay.pause().await;
    }
}

fn expected(manifest: &Manifest) -> Result<ExpectedLog, StartError> {
    match &manifest.stands_at {
        StandsAt::Beginning {} => Ok(ExpectedLog {
            lineage_id: Some(manifest.lineage_id),
            log_id: None,
            scn: Scn::BEGINNING,
        }),
        StandsAt::AtScn { log_id, scn } => Ok(ExpectedLog {
            lineage_id: None,
            log_id: Some(*log_id),
            scn: *scn,
        }),
        StandsAt::AtSourceOffset { source_id, offset } => Err(at_source_offset(source_id, *offset)),
    }
}
