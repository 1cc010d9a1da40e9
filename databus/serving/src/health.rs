//! The health checks of `grpc.health.v1`: whether the server, and each of its services, serves.

use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

/// The state that health checks return. Clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
}

impl Health {
    /// Reports SERVING for the whole server and for these services, named as in the protos.
    pub async fn serving(services: &'static [&'static str]) -> Self {
        let reporter = HealthReporter::new();
        let health = Self { reporter, services };
        health.set(ServingStatus::Serving).await;
        health
    }

    /// Reports NOT_SERVING from now on, for the whole server and all services.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    /// Reports whether some of the services serve, from now on, while the server itself goes on
    /// serving.
    pub async fn set_services(&self, services: &[&str], serve: bool) {
        let status = if serve {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in services {
            self.reporter.set_service_status(service, status).await;
        }
    }

    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    async fn set(&self, status: ServingStatus) {
        // The empty name is the whole server.
        for service in self.services.iter().chain(&[""]) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
