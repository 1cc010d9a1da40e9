//! The routes of a listener: its services, health, reflection, and refusals for the services of the
//! other listener.
//!
//! A server states in one table which listener serves what ([`Served`]). Routes, reflection and
//! refusals follow from it.

use crate::{Health, ListenerKind, Refusal};
use cloud_proto::FILE_DESCRIPTOR_SET;
use http::{Request, Response};
use std::convert::Infallible;
use tonic::{Status, body::Body, server::NamedService, service::Routes};
use tonic_health::pb::{FILE_DESCRIPTOR_SET as HEALTH_DESCRIPTORS, health_server};
use tonic_reflection::{
    pb::{v1, v1alpha},
    server::{Builder, Error},
};
use tower::Service;

/// The services of a server, each with the listeners that serve it. Health and reflection are
/// served on every listener, and are not in the table.
pub type Served = &'static [(&'static str, &'static [ListenerKind])];

/// Prepares a generated service: limits the sizes of its messages, both requests and answers, and
/// accepts requests that are compressed with gzip.
///
/// The limit of a request holds for its size after decompression too.
#[macro_export]
macro_rules! sized {
    ($service:expr) => {
        $service
            .max_decoding_message_size($crate::limits::REQUEST_BYTES_MAX)
            .max_encoding_message_size($crate::limits::ANSWER_BYTES_MAX)
            .accept_compressed(tonic::codec::CompressionEncoding::Gzip)
    };
}

/// The routes of one listener.
#[derive(Clone, Debug)]
pub struct ListenerRoutes {
    kind: ListenerKind,
    served: Served,
    routes: Routes,
}

impl ListenerRoutes {
    /// Returns the routes of health and reflection, and refusals for the services that only other
    /// listeners serve.
    ///
    /// # Errors
    /// If the descriptors of the protos cannot be read.
    pub fn new(kind: ListenerKind, served: Served, health: &Health) -> Result<Self, Error> {
        let is_here = |kinds: &[ListenerKind]| kinds.contains(&kind);
        let here = served.iter().filter(|(_, kinds)| is_here(kinds));
        let names: Vec<_> = here
            .map(|&(name, _)| name)
            .chain(ON_EVERY_LISTENER)
            .collect();
        let routes = Routes::new(sized!(health.service()))
            .add_service(sized!(reflection(&names).build_v1()?))
            .add_service(sized!(reflection(&names).build_v1alpha()?));
        let mut router = routes.into_axum_router();
        for &(name, kinds) in served {
            if let (false, Some(&other)) = (is_here(kinds), kinds.first()) {
                let refuses = move |_: Request<_>| async move {
                    let refusal = Refusal::other_listener(name, &other.to_string());
                    Ok::<_, Infallible>(Status::from(refusal).into_http::<Body>())
                };
                let path = format!("/{name}/{{*method}}");
                router = router.route_service(&path, tower::service_fn(refuses));
            }
        }
        Ok(Self {
            kind,
            served,
            routes: router.into(),
        })
    }

    /// Adds a service, if the table says that this listener serves it.
    #[must_use]
    pub fn with<S>(self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let is_here =
            |&(name, kinds): &(_, &[ListenerKind])| name == S::NAME && kinds.contains(&self.kind);
        if !self.served.iter().any(is_here) {
            return self;
        }
        Self {
            routes: self.routes.add_service(service),
            ..self
        }
    }

    /// Refuses the calls of every service of this listener, with what `refusal` returns at the
    /// time: the server starts, or shuts down.
    #[must_use]
    pub(crate) fn refusing(
        self,
        refusal: impl Fn() -> Refusal + Clone + Send + Sync + 'static,
    ) -> Self {
        let here = self.served.iter();
        let here = here.filter(|(_, kinds)| kinds.contains(&self.kind));
        let mut router = self.routes.into_axum_router();
        for &(name, _) in here {
            let refusal = refusal.clone();
            let refuses = move |_: Request<_>| {
                let status = Status::from(refusal());
                async { Ok::<_, Infallible>(status.into_http::<Body>()) }
            };
            let path = format!("/{name}/{{*method}}");
            router = router.route_service(&path, tower::service_fn(refuses));
        }
        Self {
            routes: router.into(),
            ..self
        }
    }

    /// Returns the routes.
    #[must_use]
    pub fn finish(self) -> Routes {
        self.routes
    }
}

/// The services that every listener has.
const ON_EVERY_LISTENER: [&str; 3] = [
    health_server::SERVICE_NAME,
    v1::server_reflection_server::SERVICE_NAME,
    v1alpha::server_reflection_server::SERVICE_NAME,
];

/// Returns a reflection that lists these services. It describes the types of all protos.
fn reflection(names: &[&str]) -> Builder<'static> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(HEALTH_DESCRIPTORS)
        .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET);
    names
        .iter()
        .fold(builder, |builder, &name| builder.with_service_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "grpc.health.v1.Health";

    async fn check(path: &str, reason: Option<&str>) {
        check_with(|routes| routes, path, reason).await;
    }

    async fn check_with(
        change: impl FnOnce(ListenerRoutes) -> ListenerRoutes,
        path: &str,
        reason: Option<&str>,
    ) {
        let health = Health::starting(&[HERE]);
        let served: Served = &[
            ("a.Here", &[ListenerKind::Public, ListenerKind::Admin]),
            ("a.There", &[ListenerKind::Admin]),
        ];
        let routes = ListenerRoutes::new(ListenerKind::Public, served, &health).unwrap();
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = change(routes).finish().call(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        let info = tonic_types::StatusExt::get_details_error_info(&status);
        assert_eq!(info.map(|info| info.reason).as_deref(), reason, "{path}");
    }

    #[tokio::test]
    async fn a_service_of_the_other_listener_is_refused_by_name() {
        check("/a.There/Method", Some("OTHER_LISTENER")).await;
        // These are tonic's own errors, which a layer completes.
        check("/a.Here/Method", None).await;
        check("/a.Nowhere/Method", None).await;
    }

    #[tokio::test]
    async fn a_server_that_starts_refuses_its_services_with_the_reason() {
        let starting = |routes: ListenerRoutes| routes.refusing(|| Refusal::not_serving("starts"));
        check_with(starting, "/a.Here/Method", Some("NOT_SERVING")).await;
        check_with(starting, "/a.There/Method", Some("OTHER_LISTENER")).await;
        check_with(starting, "/a.Nowhere/Method", None).await;
    }
}
