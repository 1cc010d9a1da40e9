//! A running server: its two listeners, and how it ends.

use crate::{
    compaction::{Needed, lock},
    config::Config,
    ingest::{IngestError, progress::Part},
    limits::{COMPACTION_END_TIMEOUT, VIEW_CACHE_TIDY_INTERVAL},
    observe::{facts, health::Health, metrics},
    rpc::routes,
    site::Site,
    start::{StartError, Started, start},
};
use cloud_model::Scn;
use cloud_serving::{BoundListeners, ListenerPanicked, Listeners, ObserveLayer, Services, pages};
use databus::{KeptFor, Log};
use std::{net::SocketAddr, sync::Arc, time::Instant};

/// A server that answers. Ends with [`Running::shutdown`].
pub struct Running {
    started: Started,
    health: Health,
    listeners: Listeners,
}

/// The server did not end in order. What was acknowledged is durable all the same.
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
    Overlay(#[from] cloud_engine::FileError),
    /// The log was not closed in order.
    #[error("the log: {0}")]
    Log(#[from] databus::AppendError),
}

/// Starts a server; it answers when this returns.
///
/// # Errors
/// When there is nothing sound to start from, or the addresses cannot be listened on.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    let connections_max = config.limits.connections_max;
    let listeners = BoundListeners::bind(config.listen, config.admin_listen, connections_max)?;
    let started = start(config).await?;
    let site = &started.site;
    let health = Health::new(Arc::clone(&site.progress)).await;
    tokio::spawn(keep_tidy(Arc::clone(site)));
    tokio::spawn(keep_log(Arc::clone(site)));
    let calls = Arc::clone(&site.calls);
    let (ready, scraped) = (Arc::clone(site), Arc::clone(site));
    let services = Services {
        public: routes::public(site, &health)?,
        admin: routes::admin(site, &health)?,
        pages: pages(move || ready.readiness(), move || metrics::page(&scraped)),
        observe: ObserveLayer::new(calls, site.slow_request, &facts::FACTS, facts::report),
    };
    let listeners = listeners.serve(services, &site.limits.serving(), &site.stopping);
    Ok(Running {
        started,
        health,
        listeners,
    })
}

impl Running {
    /// Where reads are answered.
    #[must_use]
    pub fn public_addr(&self) -> SocketAddr {
        self.listeners.public_addr()
    }

    /// Where changes are published.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.listeners.admin_addr()
    }

    /// Ends in order: says that it is not serving, answers what was asked, at most for the drain timeout, makes
    /// profiles durable, writes the overlay, closes the log.
    ///
    /// # Errors
    /// When one of these failed; the others were done all the same.
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
        self.health.stop().await;
        site.stopping.cancel();
        let drain = site.limits.serving().drain_timeout;
        let listeners = self.listeners.drain(drain).await.map_err(Into::into);
        stop_ingest.cancel();
        // What cannot be written now is not waited for: the log has it.
        if let Some(people) = &site.people {
            people.persistence().give_up();
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
                let path = writer.write_overlay(&folder, log_id, &progress.source_marks())?;
                tracing::info!(overlay = %path.display(), "written");
                Ok(())
            });
            let closed = site.log.owned().map_or(Ok(()), Log::close);
            let closed = closed.map_err(ShutdownError::from);
            // One that is on its way is abandoned at its next piece.
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
        listeners.and(stored)
    }
}

/// The view cache evicts when it is used; this keeps it within its budget when it is not. It also
/// looks how far the server is behind the log, which is known only from one look to the next, and
/// whether profiles can be written.
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
        let people = site.people.as_ref();
        let trouble = people.and_then(|people| people.persistence().trouble());
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

/// The SCN where the log begins, when it no longer holds the windows that failed profiles need, and
/// their failure does not yet say so.
fn lost_windows(site: &Site) -> Option<Scn> {
    let profiles = site.progress.reached().profiles;
    let oldest_after_scn = site.log.owned()?.status().oldest_after_scn;
    let is_said = profiles.failed?.contains(BOOTSTRAP_AGAIN);
    (!is_said && profiles.scn < oldest_after_scn).then_some(oldest_after_scn)
}

/// Removes what is over the limits of a log that this process owns, and keeps what the snapshots
/// need.
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
