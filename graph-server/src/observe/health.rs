//! `grpc.health.v1`: SERVING for the server and each of its services, until it stops or no longer
//! follows the log. Where profiles and search alone have failed, or are rebuilt, their services are
//! NOT_SERVING.

use crate::ingest::progress::{Part, Progress};
use cloud_serving as serving;
use tokio::task::JoinHandle;

/// The services that profiles and search answer.
const PROFILE_SERVICES: [&str; 2] = ["cloud.v1.SearchService", "cloud.v1.ProfileService"];

/// The state that health checks are answered from.
pub(crate) struct Health {
    health: serving::Health,
    watcher: JoinHandle<()>,
}

impl Health {
    /// Reports SERVING from now on, until `progress` records a failure.
    pub(crate) fn serving(health: serving::Health, progress: &Progress) -> Self {
        health.serving();
        let failing = health.clone();
        let mut watch = progress.watch();
        let mut serves_profiles = progress.check(Part::Profiles).is_ok();
        if !serves_profiles {
            health.set_services(&PROFILE_SERVICES, false);
        }
        let watcher = tokio::spawn(async move {
            loop {
                let changed = watch.wait_for(|reached| {
                    reached.profiles.is_served() != serves_profiles || reached.stopped.is_some()
                });
                let stopped = match changed.await {
                    Ok(reached) => {
                        serves_profiles = reached.profiles.is_served();
                        reached.stopped.clone()
                    }
                    Err(_) => return,
                };
                if let Some(reason) = stopped {
                    tracing::error!(%reason, "not serving");
                    failing.not_serving();
                    return;
                }
                failing.set_services(&PROFILE_SERVICES, serves_profiles);
            }
        });
        Self { health, watcher }
    }

    pub(crate) fn checks(&self) -> &serving::Health {
        &self.health
    }

    /// Reports NOT_SERVING from now on.
    pub(crate) fn stop(&self) {
        self.watcher.abort();
        self.health.not_serving();
    }
}
