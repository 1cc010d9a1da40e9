//! The health checks of `grpc.health.v1`: whether the server, and each of its services, serves.
//!
//! The service is our own, because that of tonic-health ends a Watch of an unknown service. The
//! protocol demands SERVICE_UNKNOWN, and a stream that stays open.

use crate::Refusal;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::watch;
use tokio_stream::{StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status, async_trait, codegen::BoxStream};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health as HealthCalls, HealthServer},
};

/// The state that health checks return. Clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    states: Arc<watch::Sender<BTreeMap<&'static str, ServingStatus>>>,
}

impl Health {
    /// Reports NOT_SERVING for the whole server and for these services, named as in the protos.
    pub fn starting<'a>(services: impl IntoIterator<Item = &'a &'static str>) -> Self {
        // The empty name is the whole server.
        let names = services.into_iter().copied().chain([""]);
        let states = names.map(|name| (name, ServingStatus::NotServing));
        Self {
            states: Arc::new(watch::Sender::new(states.collect())),
        }
    }

    /// Reports SERVING from now on, for the whole server and all services.
    pub fn serving(&self) {
        self.set_all(ServingStatus::Serving);
    }

    /// Reports NOT_SERVING from now on, for the whole server and all services.
    pub fn not_serving(&self) {
        self.set_all(ServingStatus::NotServing);
    }

    fn set_all(&self, set: ServingStatus) {
        self.states.send_modify(|states| {
            for state in states.values_mut() {
                *state = set;
            }
        });
    }

    /// Reports whether some of the services serve, from now on, while the server itself goes on
    /// serving.
    pub fn set_services(&self, services: &[&str], serve: bool) {
        let set = if serve {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.states.send_modify(|states| {
            for (service, state) in states {
                if services.contains(service) {
                    *state = set;
                }
            }
        });
    }

    pub(super) fn service(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[async_trait]
impl HealthCalls for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let state = self
            .states
            .borrow()
            .get(request.get_ref().service.as_str())
            .copied();
        let state = state.ok_or_else(|| Refusal::not_found("no service of this name"))?;
        Ok(Response::new(response(state)))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    /// Streams the state of a service: the present one, then each change.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let mut last = None;
        let states = WatchStream::new(self.states.subscribe()).filter_map(move |states| {
            let state = states.get(service.as_str()).copied();
            let state = state.unwrap_or(ServingStatus::ServiceUnknown);
            let is_news = last.replace(state) != Some(state);
            is_news.then(|| Ok(response(state)))
        });
        Ok(Response::new(Box::pin(states)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn request(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest {
            service: service.to_owned(),
        })
    }

    #[tokio::test]
    async fn a_check_answers_for_known_services() {
        let health = Health::starting(&["a.B", "a.C"]);
        let all = health.check(request("")).await.unwrap().into_inner();
        assert_eq!(all.status(), ServingStatus::NotServing);
        health.serving();
        health.set_services(&["a.C", "a.D"], false);
        let check = async |service| {
            let answer = health.check(request(service)).await;
            answer
                .map(|answer| answer.into_inner().status())
                .map_err(|status| status.code())
        };
        assert_eq!(check("").await, Ok(ServingStatus::Serving));
        assert_eq!(check("a.B").await, Ok(ServingStatus::Serving));
        assert_eq!(check("a.C").await, Ok(ServingStatus::NotServing));
        assert_eq!(check("a.D").await, Err(Code::NotFound));
        health.set_services(&["a.C"], true);
        assert_eq!(check("a.C").await, Ok(ServingStatus::Serving));
    }

    #[tokio::test]
    async fn a_watch_streams_changes_of_its_service_alone() {
        let health = Health::starting(&["a.B", "a.C"]);
        health.serving();
        let watch = async |service| health.watch(request(service)).await.unwrap().into_inner();
        let (mut known, mut unknown) = (watch("a.B").await, watch("a.D").await);
        let next = async |stream: &mut BoxStream<HealthCheckResponse>| {
            stream.next().await.map(|answer| answer.unwrap().status())
        };
        assert_eq!(next(&mut known).await, Some(ServingStatus::Serving));
        assert_eq!(
            next(&mut unknown).await,
            Some(ServingStatus::ServiceUnknown)
        );
        health.set_services(&["a.C"], false);
        health.not_serving();
        assert_eq!(next(&mut known).await, Some(ServingStatus::NotServing));
        drop(health);
        assert_eq!(next(&mut known).await, None);
        assert_eq!(next(&mut unknown).await, None);
    }
}
