//! The services of each listener.

use super::{AdminRpc, NetworkRpc, ProfileRpc, SearchRpc, followed::FollowedRpc};
use crate::{observe::health::Health, site::Site};
use cloud_proto::cloud::v1::{
    admin_service_server::AdminServiceServer, network_service_server::NetworkServiceServer,
    profile_service_server::ProfileServiceServer, search_service_server::SearchServiceServer,
};
use cloud_proto::databus::v1::{databus_server::DatabusServer, publisher_server::PublisherServer};
use cloud_serving::{sized, with_health};
use databus::rpc::{DatabusRpc, PublisherRpc};
use std::sync::Arc;
use tonic::service::Routes;

/// Returns the services of the public listener.
pub(crate) fn public(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let site = || Arc::clone(site);
    let routes = with_health(health.checks())?
        .add_service(sized!(NetworkServiceServer::new(NetworkRpc(site()))))
        .add_service(sized!(SearchServiceServer::new(SearchRpc(site()))))
        .add_service(sized!(ProfileServiceServer::new(ProfileRpc(site()))));
    Ok(match &site().log_server {
        Some(log) => routes.add_service(sized!(DatabusServer::new(DatabusRpc(Arc::clone(log))))),
        None => routes.add_service(sized!(DatabusServer::new(followed(&site())))),
    })
}

/// Returns the services of the admin listener.
pub(crate) fn admin(
    site: &Arc<Site>,
    health: &Health,
) -> Result<Routes, tonic_reflection::server::Error> {
    let admin = AdminRpc(Arc::clone(site));
    let routes = with_health(health.checks())?.add_service(sized!(AdminServiceServer::new(admin)));
    Ok(match &site.log_server {
        Some(log) => {
            routes.add_service(sized!(PublisherServer::new(PublisherRpc(Arc::clone(log)))))
        }
        None => routes.add_service(sized!(PublisherServer::new(followed(site)))),
    })
}

fn followed(site: &Site) -> FollowedRpc {
    FollowedRpc {
        log: Arc::clone(&site.log),
        progress: Arc::clone(&site.progress),
    }
}
