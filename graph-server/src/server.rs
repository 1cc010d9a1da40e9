//! A running server: its two listeners, and its shutdown.

use crate::{
    compaction::{Needed, lock},
    config::Config,
    core_database::{CaptureThread, bootstrap},
    ingest::{IngestError, progress::Part},
    limits::{COMPACTION_END_TIMEOUT, VIEW_CACHE_TIDY_INTERVAL},
    observe::{facts, health::Health, metrics},
    rpc::routes,
    site::Site,
    start::{Operation, Stage, StartError, StartStage, Started, start},
};
use cloud_engine::FileError;
use cloud_files::FolderLock;
use cloud_model::Scn;
use cloud_serving::{
    self as serving, BoundListeners, ListenerKind, ListenerPanicked, Listeners, ObserveLayer,
    Services, Starting, metrics::Calls, pages,
};
use databus::{KeptFor, Log};
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A server that answers requests. [`Running::shutdown`] ends it.
pub struct Running {
    started: Started,
    health: Health,
    listeners: Listeners,
    /// The capture of the core database, if there is one.
    capture: Option<CaptureThread>,
}

/// Why the server did not end in order. Acknowledged changes are durable all the same.
#[derive(Debug, thiserror::Error)]
pub enum ShutdownError {
    /// The log was no longer followed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A listener panicked.
    #[error(transparent)]
    Listener(#[from] ListenerPanicked),
    /// A thread panicked.
    #[error("the {0} thread panicked")]
    Panicked(&'static str),
    /// The overlay was not written; the next start replays more of the log.
    #[error("the overlay: {0}")]
    Overlay(#[from] FileError),
    /// The log was not closed in order.
    #[error("the log: {0}")]
    Log(#[from] databus::AppendError),
}

/// Starts a server. When this returns, the server answers requests. Until then, its listeners say
/// how far the start is.
///
/// If there is no valid snapshot or log to start from, or the addresses cannot be listened on.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    let config = config.with_folders();
    let limits = config.limits.serving();
    let listeners = BoundListeners::bind(config.listen, config.admin_listen, limits)?;
    let operation = Operation {
        calls: Arc::new(Calls::new()?),
        stopping: CancellationToken::new(),
        warnings: listeners.warnings(),
    };
    let (calls, slow_request) = (Arc::clone(&operation.calls), config.slow_request());
    let health = serving::Health::starting(routes::SERVED.iter().map(|(name, _)| name));
    let starting = Starting {
        served: routes::SERVED,
        health: health.clone(),
        observe: ObserveLayer::new(calls, slow_request, &facts::FACTS, facts::report),
        stopping: operation.stopping.clone(),
    };
    let stage = StartStage::default();
    let shown = stage.clone();
    let listeners = listeners.start(starting, move || shown.to_string())?;
    let data = match config.has_core_database() {
        true => Some(build_if_missing(config.clone(), &stage).await?),
        false => None,
    };
    let started = start(config.clone(), operation, stage).await?;
    let site = &started.site;
    let captured = match data {
        None => None,
        Some(lock) => {
            let admin = listeners.admin_addr();
            let capture = CaptureThread::prepare(&config, admin, &site.progress)?;
            site.capture.get_or_init(|| capture.progress());
            Some((capture, lock))
        }
    };
    let health = Health::serving(health, &site.progress);
    tokio::spawn(keep_tidy(Arc::clone(site)));
    tokio::spawn(keep_log(Arc::clone(site)));
    let (ready, scraped) = (Arc::clone(site), Arc::clone(site));
    let services = Services {
        public: routes::of_listener(ListenerKind::Public, site, &health)?,
        admin: routes::of_listener(ListenerKind::Admin, site, &health)?,
        pages: pages(move || ready.readiness(), move || metrics::page(&scraped)),
    };
    let listeners = listeners.serve(services);
    let capture = captured.map(|(capture, lock)| CaptureThread::start(capture, lock));
    Ok(Running {
        started,
        health,
        listeners,
        capture: capture.transpose()?,
    })
}

/// Builds the site from the core database if there is none, on a blocking thread.
async fn build_if_missing(config: Config, shown: &StartStage) -> Result<FolderLock, StartError> {
    shown.set(Stage::Bootstrap);
    let runtime = Handle::current();
    let built = tokio::task::spawn_blocking(move || bootstrap(&config, &runtime)).await;
    let built = built.map_err(|ended| StartError::Replay {
        reason: ended.to_string(),
    })?;
    shown.set(Stage::Snapshot);
    Ok(built?)
}

impl Running {
    /// Returns the address of the public listener, which answers reads.
    #[must_use]
    pub fn public_addr(&self) -> SocketAddr {
        self.listeners.public_addr()
    }

    /// Returns the address of the admin listener, where changes are published and followed.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.listeners.admin_addr()
    }

    /// Ends in order: reports NOT_SERVING, and answers the requests in flight, for the drain
    /// timeout at most. Then makes profiles durable, writes the overlay, and closes the log.
    ///
    /// If one of these steps failed. The others were done all the same.
    pub async fn shutdown(self) -> Result<(), ShutdownError> {
        let Started {
            site,
            writer,
            follower,
            committer,
            compactor,
            stop_ingest,
            folder,
            log_id,
            lock: site_lock,
        } = self.started;
        self.health.stop();
        site.stopping.cancel();
        let captured = match self.capture {
            None => Ok(()),
            Some(capture) => match tokio::task::spawn_blocking(|| capture.stop()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(ShutdownError::Panicked("capture")),
            },
        };
        let drain = site.limits.serving().drain_timeout;
        let mut listeners = self.listeners;
        let drained = listeners.drain(drain).await.map_err(Into::into);
        stop_ingest.cancel();
        // Writes that fail now are not retried: the log holds the changes.
        if let Some(profiles) = &site.profiles {
            profiles.persistence().give_up();
        }
        site.compaction.call();
        let progress = Arc::clone(&site.progress);
        let storage = tokio::task::spawn_blocking(move || {
            let followed = follower
                .join()
                .map_err(|_| ShutdownError::Panicked("follower"))
                .and_then(|done| Ok(done?));
            let committed = committer.map_or(Ok(()), |committer| {
                committer
                    .join()
                    .map_err(|_| ShutdownError::Panicked("profiles"))
                    .and_then(|done| Ok(done?))
            });
            let written = followed.and_then(|()| {
                let writer = lock(&writer);
                let in_place = site_lock.folder().check_in_place();
                in_place.map_err(|source| FileError::Io {
                    path: folder.clone(),
                    source,
                })?;
                let points = progress.points_to(writer.version().published());
                let sources = progress.source_marks();
                let path = writer.write_overlay(&folder, log_id, &sources, &points)?;
                tracing::info!(overlay = %path.display(), "written");
                Ok(())
            });
            let closed = site.log.owned().map_or(Ok(()), Log::close);
            let closed = closed.map_err(ShutdownError::from);
            // A running compaction is abandoned at its next piece.
            let begun = Instant::now();
            while !compactor.is_finished() && begun.elapsed() < COMPACTION_END_TIMEOUT {
                std::thread::sleep(COMPACTION_END_TIMEOUT / 100);
            }
            drop(site);
            drop(site_lock);
            committed.and(written).and(closed)
        });
        let stored = storage
            .await
            .unwrap_or(Err(ShutdownError::Panicked("shutdown")));
        listeners.close().await;
        drained.and(captured).and(stored)
    }
}

/// Does the periodic work until the server stops.
///
/// The view cache evicts only when it is used, so this keeps an unused one within its budget. It
/// records how far the server is behind the log, which is measured between two calls. It also
/// checks whether profiles can be written.
async fn keep_tidy(site: Arc<Site>) {
    let mut interval = tokio::time::interval(VIEW_CACHE_TIDY_INTERVAL);
    let mut was_held_up = false;
    while site
        .stopping
        .run_until_cancelled(interval.tick())
        .await
        .is_some()
    {
        site.views.tidy();
        site.progress.lag(site.log.head());
        let profiles = site.profiles.as_ref();
        let trouble = profiles.and_then(|profiles| profiles.persistence().trouble());
        if trouble.is_some() || was_held_up {
            site.progress.hold_up(Part::Profiles, trouble.as_deref());
        }
        was_held_up = trouble.is_some();
        if let Some(oldest_after_scn) = lost_windows(&site) {
            let text =
                format!("{BOOTSTRAP_AGAIN}: the log is kept after SCN {oldest_after_scn} only");
            site.progress.add_to_failure(Part::Profiles, &text);
        }
    }
}

const BOOTSTRAP_AGAIN: &str = "bootstrap again";

/// Returns the SCN after which the log begins, if failed profiles need earlier windows and their
/// failure does not mention that yet.
fn lost_windows(site: &Site) -> Option<Scn> {
    let profiles = site.progress.reached().profiles;
    let oldest_after_scn = site.log.owned()?.status().oldest_after_scn;
    let is_said = profiles.failed?.contains(BOOTSTRAP_AGAIN);
    (!is_said && profiles.scn < oldest_after_scn).then_some(oldest_after_scn)
}

/// Removes the part of the log that is over its limits, but not what the snapshots need. Only for a
/// log that this process owns.
async fn keep_log(site: Arc<Site>) {
    if let Some(log) = &site.log_server {
        let needed = || {
            let Needed { graph, profiles } = site.compaction.status().needed;
            KeptFor {
                needed_after_scn: graph,
                wanted_after_scn: profiles,
            }
        };
        let retention = site.limits.retention();
        Arc::clone(log).keep_to(retention, needed).await;
    }
}
