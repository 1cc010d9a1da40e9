//! The graph server: a site's graph, profiles and search in one process, following its change log.
//!
//! [`serve`] starts one inside any program; the binary `graph-server` only reads its configuration
//! and calls it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use graph_server::{Config, serve};
//!
//! let running = serve(Config {
//!     snapshot: "site/snapshot".into(),
//!     databus: "embedded:site/log".parse()?,
//!     listen: "127.0.0.1:0".parse()?,
//!     admin_listen: "127.0.0.1:0".parse()?,
//!     ..Config::default()
//! })
//! .await?;
//! println!("reads at {}, changes at {}", running.public_addr(), running.admin_addr());
//! running.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The path of a request: `cloud_serving` (transport, then layers: counting, deadline, in flight)
//! -> `rpc/services` -> the call's own file. That file checks the arguments (`convert`) and gets
//! the viewer's side of the graph at its `at_least` (`read_context`). It answers on the calling
//! thread, or on the heavy threads if the request is heavy (`workers`).
//!
//! The path of a change: Publish (`databus::rpc`) -> the log -> `ingest`, which advances
//! `progress`.

mod backup;
mod compaction;
mod config;
mod core_database;
mod ingest;
pub mod limits;
mod list_streams;
mod log_source;
mod observe;
mod read_context;
mod rpc;
mod server;
mod site;
mod start;
#[cfg(test)]
mod test_site;
mod views;
mod workers;

pub use cloud_serving::log::LogFormat;
pub use config::{Config, ConfigError, Databus, GraphMemory, ParseDatabusError};
pub use core_database::CoreDatabaseError;
pub use ingest::IngestError;
pub use limits::Limits;
pub use log_source::LogSourceError;
pub use rpc::{EDGES_EXHAUSTED, REASONS, page_token};
pub use server::{Running, ShutdownError, serve};
pub use start::StartError;
