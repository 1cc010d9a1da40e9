//! The services of each listener.
//!
//! [`SERVED`] is the one table of which listener serves what. A service that is missing there is
//! served nowhere.

use super::{
    AdminRpc, NetworkRpc, SearchRpc, followed::FollowedRpc, profile_service::ProfileService,
};
use crate::{observe::health::Health, site::Site};
use cloud_proto::cloud::v1::{
    admin_service_server::{self, AdminServiceServer},
    network_service_server::{self, NetworkServiceServer},
    profile_service_server,
    search_service_server::{self, SearchServiceServer},
};
use cloud_proto::databus::v1::{
    databus_server::{self, DatabusServer},
    publisher_server::{self, PublisherServer},
};
use cloud_serving::{
    ListenerKind::{self, Admin, Public},
    ListenerRoutes, Served, sized,
};
use databus::rpc::{DatabusRpc, PublisherRpc};
use std::sync::Arc;
use tonic::service::Routes;

/// The services of a graph server, each with the listeners that serve it. Health and reflection are
/// served on both.
pub(crate) const SERVED: Served = &[
    (network_service_server::SERVICE_NAME, &[Public, Admin]),
    (search_service_server::SERVICE_NAME, &[Public, Admin]),
    (profile_service_server::SERVICE_NAME, &[Public, Admin]),
    (admin_service_server::SERVICE_NAME, &[Admin]),
    (databus_server::SERVICE_NAME, &[Admin]),
    (publisher_server::SERVICE_NAME, &[Admin]),
];

/// Returns the services of a listener.
pub(crate) fn of_listener(
    kind: ListenerKind,
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let shared = || Arc::clone(site);
    let routes = ListenerRoutes::new(kind, SERVED, health.checks())?
        .with(sized!(NetworkServiceServer::new(NetworkRpc(shared()))))
        .with(sized!(SearchServiceServer::new(SearchRpc(shared()))))
        .with(ProfileService(shared()))
        .with(sized!(AdminServiceServer::new(AdminRpc(shared()))));
    let routes = match &site.log_server {
        Some(log) => routes
            .with(sized!(DatabusServer::new(DatabusRpc(Arc::clone(log)))))
            .with(sized!(PublisherServer::new(PublisherRpc(Arc::clone(log))))),
        None => routes
            .with(sized!(DatabusServer::new(followed(site))))
            .with(sized!(PublisherServer::new(followed(site)))),
    };
    Ok(routes.finish())
}

fn followed(site: &Site) -> FollowedRpc {
    FollowedRpc {
        log: Arc::clone(&site.log),
        progress: Arc::clone(&site.progress),
    }
}
