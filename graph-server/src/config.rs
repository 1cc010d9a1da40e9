//! What a server is started with.

use crate::limits::Limits;
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// The arguments of `serve`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Config {
    /// The directory of the site's snapshots.
    #[arg(long, value_name = "DIR")]
    pub snapshot: PathBuf,
    /// The change log: embedded:DIR.
    #[arg(long, value_name = "LOG")]
    pub databus: Databus,
    /// Where reads are served; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,
    /// Where changes are published and the server is looked after; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50052")]
    pub admin_listen: SocketAddr,
    /// Limits that depend on the machine.
    #[command(flatten)]
    pub limits: Limits,
}

/// Which change log the server follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Databus {
    /// In a directory; this process owns it.
    Embedded(PathBuf),
}

/// Text that names no log.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` names no log: it should be embedded:DIR")]
pub struct ParseDatabusError {
    /// What was given.
    pub text: String,
}

impl FromStr for Databus {
    type Err = ParseDatabusError;

    fn from_str(text: &str) -> Result<Self, ParseDatabusError> {
        let folder = text
            .strip_prefix("embedded:")
            .filter(|folder| !folder.is_empty());
        folder
            .map(|folder| Self::Embedded(folder.into()))
            .ok_or_else(|| ParseDatabusError {
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for Databus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(folder) => write!(formatter, "embedded:{}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_by_its_directory() {
        assert_eq!(
            "embedded:/a/b".parse::<Databus>().unwrap(),
            Databus::Embedded("/a/b".into())
        );
        for text in ["", "/a/b", "embedded:", "kafka://x"] {
            assert!(text.parse::<Databus>().is_err(), "{text}");
        }
    }
}
