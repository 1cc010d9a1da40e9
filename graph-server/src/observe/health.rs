//! `grpc.health.v1`: SERVING for the server and each of its services, until it stops or cannot follow the log any more.

use crate::ingest::progress::Progress;
use cloud_serving as serving;
use std::sync::Arc;
use tokio::task::JoinHandle;

const SERVICES: [&str; 6] = [
    "cloud.v1.NetworkService",
    "cloud.v1.SearchService",
    "cloud.v1.ProfileService",
    "cloud.v1.AdminService",
    "databus.v1.Databus",
    "databus.v1.Publisher",
];

/// What health checks are answered with.
pub(crate) struct Health {
    health: serving::Health,
    watcher: JoinHandle<()>,
}

impl Health {
    /// SERVING, until `progress` says that it failed.
    pub(crate) async fn new(progress: Arc<Progress>) -> Self {
        let health = serving::Health::serving(&SERVICES).await;
        let failing = health.clone();
        let watcher = tokio::spawn(async move {
            let mut watch = progress.watch();
            let reason = watch
                .wait_for(|reached| reached.failed.is_some())
                .await
                .map(|reached| reached.failed.clone());
            if let Ok(Some(reason)) = reason {
                tracing::error!(%reason, "not serving");
                failing.not_serving().await;
            }
        });
        Self { health, watcher }
    }

    pub(crate) fn checks(&self) -> &serving::Health {
        &self.health
    }

    /// NOT_SERVING from here on.
    pub(crate) async fn stop(&self) {
        self.watcher.abort();
        self.health.not_serving().await;
    }
}
