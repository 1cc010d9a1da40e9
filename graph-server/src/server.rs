//! A running server: its two listeners, and how it ends.

use crate::{
    compaction::lock,
    config::Config,
    ingest::IngestError,
    limits::{COMPACTION_END_TIMEOUT, VIEW_CACHE_TIDY_INTERVAL},
    observe::{facts, health::Health, metrics},
    rpc::routes,
    site::Site,
    start::{StartError, Started, start},
};
use cloud_serving::{BoundListeners, ListenerPanicked, Listeners, ObserveLayer, Services, pages};
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
        pages: pages(
            move || ready.check_serving(),
            move || metrics::page(&scraped),
        ),
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
        site.people.persistence().give_up();
        site.compaction.call();
        let progress = Arc::clone(&site.progress);
        let storage = tokio::task::spawn_blocking(move || {
            let followed = follower
                .join()
                .map_err(|_| ShutdownError::Panicked("follower"))
                .and_then(|done| Ok(done?));
            let committed = committer
                .join()
                .map_err(|_| ShutdownError::Panicked("people"))
                .and_then(|done| Ok(done?));
            // That profiles have stopped is the committer's to say: the graph has all that it was given.
            let followed = match followed {
                Err(ShutdownError::Ingest(IngestError::PeopleStopped)) => Ok(()),
                followed => followed,
            };
            let written = followed.and_then(|()| {
                let writer = lock(&writer);
                let path = writer.write_overlay(&folder, log_id, &progress.source_marks())?;
                tracing::info!(overlay = %path.display(), "written");
                Ok(())
            });
            let closed = site.log.close().map_err(ShutdownError::from);
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

/// The view cache evicts when it is used; this keeps it within its budget when it is not. It also looks how far the
/// server is behind the log, which is known only from one look to the next, and whether profiles can be written.
async fn keep_tidy(site: Arc<Site>) {
    let mut interval = tokio::time::interval(VIEW_CACHE_TIDY_INTERVAL);
    let mut was_in_trouble = false;
    while site
        .stopping
        .run_until_cancelled(interval.tick())
        .await
        .is_some()
    {
        site.views.tidy();
        site.progress.lag(site.log.head());
        let trouble = site.people.persistence().trouble();
        if trouble.is_some() || was_in_trouble {
            site.progress.people_held_up(trouble.as_deref());
        }
        was_in_trouble = trouble.is_some();
    }
}

/// A log of its own lets go of what is over its limits, and keeps what the oldest snapshot needs.
async fn keep_log(site: Arc<Site>) {
    if let Some(log) = site.log.own() {
        let needed_after_scn = || site.oldest_snapshot_scn();
        let retention = site.limits.retention();
        Arc::clone(log).keep_to(retention, needed_after_scn).await;
    }
}
