//! `grpc.health.v1`: SERVING for the server and each of its services, until it stops or cannot follow the log any more.

use crate::progress::Progress;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

/// Names as the protos say them; the empty one is the whole server.
const SERVICES: [&str; 7] = [
    "",
    "cloud.v1.NetworkService",
    "cloud.v1.SearchService",
    "cloud.v1.ProfileService",
    "cloud.v1.AdminService",
    "databus.v1.Databus",
    "databus.v1.Publisher",
];

/// What health checks are answered with.
pub(crate) struct Health {
    reporter: HealthReporter,
    watcher: JoinHandle<()>,
}

impl Health {
    /// SERVING, until `progress` says that it failed.
    pub(crate) async fn new(progress: Arc<Progress>) -> Self {
        let reporter = HealthReporter::new();
        set(&reporter, ServingStatus::Serving).await;
        let failing = reporter.clone();
        let watcher = tokio::spawn(async move {
            let mut watch = progress.watch();
            let reason = watch
                .wait_for(|reached| reached.failed.is_some())
                .await
                .map(|reached| reached.failed.clone());
            if let Ok(Some(reason)) = reason {
                tracing::error!(%reason, "not serving");
                set(&failing, ServingStatus::NotServing).await;
            }
        });
        Self { reporter, watcher }
    }

    pub(crate) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// NOT_SERVING from here on.
    pub(crate) async fn stop(&self) {
        self.watcher.abort();
        set(&self.reporter, ServingStatus::NotServing).await;
    }
}

async fn set(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
