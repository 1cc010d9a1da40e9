//! The gRPC calls, with one file for each, and the services that they belong to.
//!
//! Imports from `compaction`, `ingest`, `log_source`, `observe`, `views` and the top of the crate.

mod admin_status;
mod batch_get_profiles;
pub(crate) mod convert;
mod encoded;
mod followed;
mod get_degrees;
mod get_degrees_for_viewers;
mod get_network_sizes;
mod get_subgraph;
mod list_connections;
mod list_network;
mod list_paths;
mod list_shared_connections;
mod list_stream;
mod listed_members;
mod member_chunks;
pub mod page_token;
mod profile_service;
pub(crate) mod refusal;
pub(crate) mod routes;
mod search_members;
mod services;
mod session;
mod stream_connections;
mod stream_network;
mod stream_shared_connections;
mod suggest_connections;
mod take_backup;
mod take_snapshot;

pub use refusal::{EDGES_EXHAUSTED, REASONS};
pub(crate) use services::{AdminRpc, NetworkRpc, SearchRpc};
