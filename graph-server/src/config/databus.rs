//! The change log that the server follows, as text.

use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// The change log that the server follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Databus {
    /// A log in this directory, which this process owns.
    Embedded(PathBuf),
    /// The log of a relay, by the address of its public listener: `http://HOST:PORT`. Of a graph
    /// server with an embedded log, it is the address of the admin listener.
    Relay(String),
}

/// A text that is not the address of a change log.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a change log: expected embedded:DIR or http://HOST:PORT")]
pub struct ParseDatabusError {
    /// The text.
    pub text: String,
}

impl FromStr for Databus {
    type Err = ParseDatabusError;

    fn from_str(text: &str) -> Result<Self, ParseDatabusError> {
        let folder = text
            .strip_prefix("embedded:")
            .filter(|folder| !folder.is_empty())
            .map(|folder| Self::Embedded(folder.into()));
        let relay = || is_relay(text).then(|| Self::Relay(text.to_owned()));
        folder.or_else(relay).ok_or_else(|| ParseDatabusError {
            text: text.to_owned(),
        })
    }
}

fn is_relay(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|address| {
        address.scheme_str() == Some("http")
            && address.port().is_some()
            && address.path() == "/"
            && address.query().is_none()
            && !text.ends_with('/')
    })
}

impl TryFrom<String> for Databus {
    type Error = ParseDatabusError;

    fn try_from(text: String) -> Result<Self, ParseDatabusError> {
        text.parse()
    }
}

impl From<Databus> for String {
    fn from(databus: Databus) -> Self {
        databus.to_string()
    }
}

impl fmt::Display for Databus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(folder) => write!(formatter, "embedded:{}", folder.display()),
            Self::Relay(address) => formatter.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_by_its_directory_or_its_relay() {
        assert_eq!(
            "embedded:/a/b".parse::<Databus>().unwrap(),
            Databus::Embedded("/a/b".into())
        );
        let relay = "http://relay.site:50061";
        assert_eq!(
            relay.parse::<Databus>().unwrap(),
            Databus::Relay(relay.to_owned())
        );
        for text in [
            "",
            "/a/b",
            "embedded:",
            "kafka://x",
            "http://relay.site",
            "https://relay.site:1",
            "http://relay.site:1/",
            "http://relay.site:1/x",
            "http://relay.site:1?x",
            "http://",
        ] {
            assert!(text.parse::<Databus>().is_err(), "{text}");
        }
    }
}
