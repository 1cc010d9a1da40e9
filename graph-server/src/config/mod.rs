//! What a server is started with: a TOML file, and a flag for each of its keys.
//!
//! [`Config`] is the one place where a key is named: the derives of clap and serde make the flag and the file's key of
//! the same field, in kebab-case. A flag wins over the file, the file over the default.

mod check;
mod databus;
mod error;
mod source;

use crate::limits::Limits;
use cloud_serving::{process::LogFormat, quantity::milliseconds};
pub use databus::{Databus, ParseDatabusError};
pub use error::ConfigError;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// What a server is started with.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The directory of the site's snapshots. Must be given.
    #[arg(long, value_name = "DIR")]
    pub snapshot: PathBuf,
    /// The change log: embedded:DIR, or a relay's public listener as http://HOST:PORT. Must be given.
    #[arg(long, value_name = "LOG")]
    pub databus: Databus,
    /// Where reads are served; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where changes are published and the server is looked after; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
    /// Lines of the log on stderr: text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace; or a filter such as info,graph_server=debug.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: String,
    /// A request that takes longer gets a line in the log; 0: none does.
    #[arg(long, value_name = "TIME", value_parser = milliseconds::parse)]
    #[serde(with = "milliseconds")]
    pub slow_request_ms: u64,
    /// Limits that depend on the machine.
    #[command(flatten)]
    pub limits: Limits,
}

impl Default for Config {
    /// With neither snapshot nor log, which a server must be told.
    fn default() -> Self {
        Self {
            snapshot: PathBuf::new(),
            databus: Databus::Embedded(PathBuf::new()),
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 50052)),
            log_format: LogFormat::Text,
            log_level: "info".to_owned(),
            slow_request_ms: 500,
            limits: Limits::DEFAULT,
        }
    }
}
