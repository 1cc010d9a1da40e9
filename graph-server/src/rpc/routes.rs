//! Which services stand on which listener, and what every request to them goes through.

use super::{AdminRpc, DatabusRpc, NetworkRpc, ProfileRpc, PublisherRpc, SearchRpc};
use crate::{
    deadline::DeadlineLayer, health::Health, in_flight::InFlightLayer, observe::ObserveLayer,
    site::Site, tonic_errors::TonicErrorsLayer,
};
use cloud_proto::FILE_DESCRIPTOR_SET;
use cloud_proto::cloud::v1::{
    admin_service_server::AdminServiceServer, network_service_server::NetworkServiceServer,
    profile_service_server::ProfileServiceServer, search_service_server::SearchServiceServer,
};
use cloud_proto::databus::v1::{databus_server::DatabusServer, publisher_server::PublisherServer};
use http::{Request, Response};
use std::{convert::Infallible, sync::Arc};
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

/// A generated service with the sizes of its messages bounded both ways.
macro_rules! sized {
    ($service:expr) => {
        $service
            .max_decoding_message_size($crate::limits::REQUEST_BYTES_MAX)
            .max_encoding_message_size($crate::limits::ANSWER_BYTES_MAX)
    };
}

/// The public listener's.
pub(crate) fn public(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let site = || Arc::clone(site);
    Ok(with_health(health)?
        .add_service(sized!(NetworkServiceServer::new(NetworkRpc(site()))))
        .add_service(sized!(SearchServiceServer::new(SearchRpc(site()))))
        .add_service(sized!(ProfileServiceServer::new(ProfileRpc(site()))))
        .add_service(sized!(DatabusServer::new(DatabusRpc(site())))))
}

/// The admin listener's.
pub(crate) fn admin(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let site = || Arc::clone(site);
    Ok(with_health(health)?
        .add_service(sized!(AdminServiceServer::new(AdminRpc(site()))))
        .add_service(sized!(PublisherServer::new(PublisherRpc(site())))))
}

fn with_health(health: &Health) -> Result<Routes, tonic_reflection::server::Error> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    Ok(Routes::new(sized!(health.service())).add_service(sized!(reflection)))
}

/// `routes` behind what every request goes through: counting, its deadline, details for tonic's errors, a place among those in
/// flight.
pub(crate) fn layered(
    routes: Routes,
    site: &Site,
    in_flight: &InFlightLayer,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    ServiceBuilder::new()
        .layer(ObserveLayer::new(
            Arc::clone(&site.calls),
            site.slow_request_ms,
        ))
        .layer(DeadlineLayer::new(&site.limits))
        .layer(TonicErrorsLayer)
        .layer(in_flight.clone())
        .service(routes.prepare())
}
