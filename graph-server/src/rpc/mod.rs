//! The calls, one file each, and the services that they belong to.

mod admin_status;
mod get_degrees;
mod get_network_sizes;
mod get_profiles;
mod kinds;
mod list_connections;
mod list_network;
mod list_paths;
mod list_shared_connections;
mod log_status;
mod publish;
pub(crate) mod routes;
mod search_members;
mod services;
mod session;
mod subscribe;
mod suggest_connections;

pub(crate) use services::{AdminRpc, DatabusRpc, NetworkRpc, ProfileRpc, PublisherRpc, SearchRpc};
