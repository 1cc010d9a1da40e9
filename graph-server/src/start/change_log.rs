//! The log that the snapshot goes on from: opened, or found at its relay.

use super::StartError;
use crate::{
    change_log::{ChangeLog, RelayLog},
    config::Databus,
    ingest::{OwnWindows, Relay, RelayError, RelayWindows, Trouble, Windows},
    limits::Limits,
    progress::Progress,
};
use cloud_engine::{LogId, Manifest, Scn, StandsAt};
use databus::{
    Log, LogOptions, Origin,
    serving::{LogServer, ServingLimits},
};
use std::{path::Path, sync::Arc};
use tokio::runtime::{self, Runtime};
use tokio_util::sync::CancellationToken;

/// A log that fits the snapshot.
pub(super) enum OpenedLog {
    Own(Log),
    Relay(Arc<RelayLog>),
}

impl OpenedLog {
    /// Opens an embedded log; asks a relay, again and again until it answers.
    pub(super) fn open(
        databus: Databus,
        manifest: &Manifest,
        limits: &Limits,
    ) -> Result<Self, StartError> {
        match databus {
            Databus::Embedded(folder) => open_log(&folder, manifest, limits).map(Self::Own),
            Databus::Relay(address) => runtime()?.block_on(find(address, manifest)),
        }
    }

    pub(super) fn log_id(&self) -> Result<LogId, StartError> {
        let text = match self {
            Self::Own(log) => log.log_id(),
            Self::Relay(log) => &log.log_id,
        };
        text.parse()
            .map_err(|error| StartError::LogId(format!("{error}")))
    }

    pub(super) fn head(&self) -> u64 {
        match self {
            Self::Own(log) => log.head(),
            Self::Relay(log) => log.head(),
        }
    }

    /// What the follower reads.
    pub(super) fn windows_after(
        &self,
        scn: Scn,
        progress: &Arc<Progress>,
    ) -> Result<Windows, StartError> {
        Ok(match self {
            Self::Own(log) => Windows::Own(OwnWindows::new(log, log.read_after(scn.get())?)),
            Self::Relay(log) => {
                let windows = RelayWindows::new(Arc::clone(log), Arc::clone(progress), scn.get());
                Windows::Relay(Box::new(windows), runtime()?)
            }
        })
    }

    /// What the calls are answered from.
    pub(super) fn served(
        self,
        limits: ServingLimits,
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
            Self::Relay(log) => ChangeLog::Relay(log),
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
    let lineage = manifest.lineage_id.to_string();
    let origin: Origin = lineage
        .parse()
        .map_err(|error| StartError::LogId(format!("{error}")))?;
    let queue_windows_max = limits.serving().log_queue_windows_max();
    let options = LogOptions {
        queue_windows_max,
        segment_bytes: limits.log_segment_bytes,
        ..LogOptions::default()
    };
    let options = match &manifest.stands_at {
        StandsAt::Beginning {} => options,
        StandsAt::AtScn { log_id, scn } => LogOptions {
            log_id: Some(log_id.to_string()),
            durable_scn: scn.get(),
            ..options
        },
        StandsAt::AtSourceOffset { source_id, offset } => {
            return Err(at_source_offset(source_id, *offset));
        }
    };
    Ok(Log::open(folder, origin, options)?)
}

fn at_source_offset(source_id: &str, offset: u64) -> StartError {
    StartError::AtSourceOffset {
        source_id: source_id.to_owned(),
        offset,
    }
}

/// Asks the relay until it answers, and checks that its log is the snapshot's.
async fn find(address: String, manifest: &Manifest) -> Result<OpenedLog, StartError> {
    let mut relay = Relay::new(address);
    let status = loop {
        match relay.status().await {
            Ok(status) => break status,
            Err(Trouble::ForGood(error)) => return Err(error.into()),
            Err(Trouble::ForNow(reason)) => {
                tracing::warn!(%reason, "cannot start without its log, trying again");
                relay.pause().await;
            }
        }
    };
    let head = status.head.unwrap_or_default();
    let relay = relay.address;
    match &manifest.stands_at {
        StandsAt::Beginning {} => {
            let (found, expected) = (&status.lineage_id, manifest.lineage_id.to_string());
            if *found != expected {
                let found = found.clone();
                return Err(StartError::Relay(RelayError::OtherGraph {
                    relay,
                    found,
                    expected,
                }));
            }
        }
        StandsAt::AtScn { log_id, scn } => {
            let expected = log_id.to_string();
            if head.log_id != expected {
                let found = head.log_id;
                return Err(StartError::Relay(RelayError::OtherLog {
                    relay,
                    found,
                    expected,
                }));
            }
            not_behind(&relay, scn.get(), head.scn)?;
        }
        StandsAt::AtSourceOffset { source_id, offset } => {
            return Err(at_source_offset(source_id, *offset));
        }
    }
    let log = RelayLog::new(relay, head.log_id, status.lineage_id, head.scn);
    Ok(OpenedLog::Relay(Arc::new(log)))
}

fn not_behind(relay: &str, scn: u64, head: u64) -> Result<(), RelayError> {
    if scn > head {
        return Err(RelayError::Behind {
            relay: relay.to_owned(),
            scn,
            head,
        });
    }
    Ok(())
}
