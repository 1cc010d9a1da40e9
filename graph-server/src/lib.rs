//! The graph server: a site's graph, profiles and search in one process, following the site's change log.
//!
//! [`serve`] starts one inside any program; the binary `graph-server` is little more than that.
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
//! How a request goes: `databus::serving` (transport and limits) -> `observe` -> `databus::serving` (deadline, in flight)
//! -> `rpc/services` -> the call's own file, which checks its arguments (`convert`), waits for its `at_least`
//! (`progress`), takes a graph (`site`) and answers, on the heavy threads when it is heavy (`workers`). How a change goes:
//! Publish (`databus::serving`) -> the log -> `ingest`, which moves `progress`.

mod change_log;
mod compaction;
mod config;
mod convert;
mod facts;
mod failure;
mod health;
mod http_pages;
mod ingest;
mod lag;
pub mod limits;
mod memory;
mod metrics;
mod observe;
pub mod page_token;
mod progress;
mod refusal;
mod resident;
mod rpc;
mod server;
mod sessions;
mod site;
mod start;
mod status;
#[cfg(test)]
mod test_site;
mod views;
mod workers;

pub use config::{Config, ConfigError, Databus, ParseDatabusError};
pub use databus::process::LogFormat;
pub use ingest::{IngestError, RelayError};
pub use limits::Limits;
pub use server::{Running, ShutdownError, serve};
pub use start::StartError;
