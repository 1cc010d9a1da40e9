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
use cloud_capture::{
    connect::{DEFAULT_PUBLICATION, DEFAULT_SLOT, publication_name, slot_name},
    stream::DEAD_LETTERS_MAX,
};
use cloud_serving::{listen_address, log::LogFormat};
use cloud_terminal::quantity::milliseconds;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The directory of the site's snapshots. Required, unless there is a core database.
    #[arg(long, value_name = "DIR")]
    pub snapshot: PathBuf,
    /// The change log: embedded:DIR, or http://HOST:PORT of a relay's public listener or of the
    /// admin listener of a graph server with an embedded log. Required, unless there is a core
    /// database.
    #[arg(long, value_name = "LOG")]
    pub databus: Databus,
    /// The PostgreSQL database of the site, as postgres://USER@HOST:PORT/DATABASE without a
    /// password. The server builds its site from it once, and then follows its changes.
    #[arg(long, value_name = "URL")]
    pub core_database: String,
    /// The mapping of the core database's tables.
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// The folder of a server with a core database: snapshots, log, and the state of capture.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The replication slot in the core database, which the server makes with its site.
    #[arg(long, value_name = "NAME", value_parser = slot_name)]
    pub slot: String,
    /// The publication of the mapped tables in the core database.
    #[arg(long, value_name = "NAME", value_parser = publication_name)]
    pub publication: String,
    /// The most rows of the core database that are set aside in a run, because a value breaks a
    /// rule.
    #[arg(long, value_name = "ROWS")]
    pub dead_letters_max: u64,
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
    /// Returns the configuration with the folders of snapshots and log in those of a server with a
    /// core database.
    pub(crate) fn with_folders(self) -> Self {
        if !self.has_core_database() {
            return self;
        }
        Self {
            snapshot: self.data.join("site"),
            databus: Databus::Embedded(self.data.join("log")),
            ..self
        }
    }

    pub(crate) fn has_core_database(&self) -> bool {
        !self.core_database.is_empty()
    }

    /// Returns the time after which a request gets a line in the log; `None` for no lines.
    pub(crate) fn slow_request(&self) -> Option<Duration> {
        (self.slow_request_ms > 0).then(|| Duration::from_millis(self.slow_request_ms))
    }
}

impl Default for Config {
    /// Returns the defaults. Snapshot and log have none and stay empty; both are required, unless
    /// there is a core database.
    fn default() -> Self {
        Self {
            snapshot: PathBuf::new(),
            databus: Databus::Embedded(PathBuf::new()),
            core_database: String::new(),
            mapping: PathBuf::new(),
            data: PathBuf::new(),
            slot: DEFAULT_SLOT.to_owned(),
            publication: DEFAULT_PUBLICATION.to_owned(),
            dead_letters_max: DEAD_LETTERS_MAX,
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
