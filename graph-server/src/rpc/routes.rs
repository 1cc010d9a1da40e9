//! Which services stand on which listener, and what every request to them goes through.

use super::{AdminRpc, NetworkRpc, ProfileRpc, SearchRpc, followed::FollowedRpc};
use crate::{
    log_source::change_log::{ChangeLog, RelayLog},
    observe::{health::Health, observe_layer::ObserveLayer},
    site::Site,
};
use cloud_proto::cloud::v1::{
    admin_service_server::AdminServiceServer, network_service_server::NetworkServiceServer,
    profile_service_server::ProfileServiceServer, search_service_server::SearchServiceServer,
};
use cloud_proto::databus::v1::{databus_server::DatabusServer, publisher_server::PublisherServer};
use cloud_serving::{DeadlineLayer, InFlightLayer, TonicErrorsLayer, sized, with_health};
use databus::rpc::{DatabusRpc, PublisherRpc};
use http::{Request, Response};
use std::{convert::Infallible, sync::Arc};
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceBuilder};

/// The public listener's.
pub(crate) fn public(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let site = || Arc::clone(site);
    let routes = with_health(health.checks())?
        .add_service(sized!(NetworkServiceServer::new(NetworkRpc(site()))))
        .add_service(sized!(SearchServiceServer::new(SearchRpc(site()))))
        .add_service(sized!(ProfileServiceServer::new(ProfileRpc(site()))));
    Ok(match &site().log {
        ChangeLog::Own(log) => {
            routes.add_service(sized!(DatabusServer::new(DatabusRpc(Arc::clone(log)))))
        }
        ChangeLog::Relay(relay) => {
            routes.add_service(sized!(DatabusServer::new(followed(&site(), relay))))
        }
    })
}

/// The admin listener's.
pub(crate) fn admin(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let admin = AdminRpc(Arc::clone(site));
    let routes = with_health(health.checks())?.add_service(sized!(AdminServiceServer::new(admin)));
    Ok(match &site.log {
        ChangeLog::Own(log) => {
            routes.add_service(sized!(PublisherServer::new(PublisherRpc(Arc::clone(log)))))
        }
        ChangeLog::Relay(relay) => {
            routes.add_service(sized!(PublisherServer::new(followed(site, relay))))
        }
    })
}

fn followed(site: &Site, relay: &Arc<RelayLog>) -> FollowedRpc {
    FollowedRpc {
        relay: Arc::clone(relay),
        progress: Arc::clone(&site.progress),
    }
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
        .layer(DeadlineLayer::new(&site.limits.serving()))
        .layer(TonicErrorsLayer)
        .layer(in_flight.clone())
        .service(routes.prepare())
}
