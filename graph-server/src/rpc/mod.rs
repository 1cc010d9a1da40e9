//! The gRPC calls, with one file for each, and the services that they belong to.
//!
//! Imports from `compaction`, `ingest`, `log_source`, `observe`, `views` and the top of the crate.

mod admin_status;
pub(crate) mod convert;
mod followed;
mod get_degrees;
mod get_network_sizes;
mod get_profiles;
mod list_connections;
mod list_network;
mod list_paths;
mod list_shared_connections;
pub mod page_token;
pub(crate) mod refusal;
pub(crate) mod routes;
mod search_members;
mod services;
mod session;
mod suggest_connections;
mod take_snapshot;

pub use refusal::{EDGES_EXHAUSTED, REASONS};
pub(crate) use services::{AdminRpc, NetworkRpc, ProfileRpc, SearchRpc};
