//! The configuration of a server: a TOML file, and a flag for each of its keys.
//!
//! [`Config`] is the one place that names a key. The derives of clap and serde make the flag and
//! the file's key from the same field, in kebab-case. A flag overrides the file, and the file
//! overrides the default.
//!
//! Imports from no other folder of the crate.

mod check;
mod databus;
mod error;
mod graph_memory;
mod source;

pub use databus::{Databus, ParseDatabusError};
pub use error::ConfigError;
pub use graph_memory::GraphMemory;

use crate::limits::Limits;
use cloud_serving::{listen_address, log::LogFormat};
use cloud_terminal::quantity::milliseconds;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The directory of the site's snapshots. Required.
    #[arg(long, value_name = "DIR")]
    pub snapshot: PathBuf,
    /// The change log: embedded:DIR, or http://HOST:PORT of a relay's public listener or of the
    /// admin listener of a graph server with an embedded log. Required.
    #[arg(long, value_name = "LOG")]
    pub databus: Databus,
    /// Source whose windows an embedded log takes; may be given several times. By default every
    /// source's are taken, and those of publishers without one.
    #[arg(long, value_name = "SOURCE_ID")]
    pub take_source: Vec<String>,
    /// Address of the public listener, which serves reads; port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address::parse)]
    #[serde(with = "listen_address")]
    pub listen: SocketAddr,
    /// Address of the admin listener, for publishing, following, reads from the site's own side and
    /// operations; port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address::parse)]
    #[serde(with = "listen_address")]
    pub admin_listen: SocketAddr,
    /// Where the graph is read: mapped from the snapshot's file, resident in memory of the server's
    /// own and in large pages, or auto: resident where it fits.
    #[arg(long, value_name = "WHERE")]
    pub graph_memory: GraphMemory,
    /// Format of log lines on stderr: text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Log level: error, warn, info, debug or trace; or a filter such as info,graph_server=debug.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: String,
    /// Requests slower than this are logged; 0 logs none.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub slow_request_ms: u64,
    /// Limits that depend on the machine.
    #[command(flatten)]
    pub limits: Limits,
}

impl Config {
    /// Returns the time after which a request gets a line in the log; `None` for no lines.
    pub(crate) fn slow_request(&self) -> Option<Duration> {
        (self.slow_request_ms > 0).then(|| Duration::from_millis(self.slow_request_ms))
    }
}

impl Default for Config {
    /// Returns the defaults. Snapshot and log have none and stay empty; both are required.
    fn default() -> Self {
        Self {
            snapshot: PathBuf::new(),
            databus: Databus::Embedded(PathBuf::new()),
            take_source: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 50052)),
            graph_memory: GraphMemory::Auto,
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            slow_request_ms: 500,
            limits: Limits::DEFAULT,
        }
    }
}
