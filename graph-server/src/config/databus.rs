//! The change log that the server follows, as text.

use cloud_client::{Error, check_address};
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
#[error("`{text}` is not a change log: {problem}")]
pub struct ParseDatabusError {
    /// The text.
    pub text: String,
    /// The problem, and how to write it.
    pub problem: String,
}

impl FromStr for Databus {
    type Err = ParseDatabusError;

    fn from_str(text: &str) -> Result<Self, ParseDatabusError> {
        let wrong = |problem: String| {
            let text = text.to_owned();
            Err(ParseDatabusError { text, problem })
        };
        if let Some(folder) = text.strip_prefix("embedded:") {
            if folder.is_empty() {
                return wrong("write embedded:DIR, with the folder of the log".to_owned());
            }
            return Ok(Self::Embedded(folder.into()));
        }
        if !text.contains("://") {
            return wrong(
                "write embedded:DIR for a log of this process, or http://HOST:PORT of a relay"
                    .to_owned(),
            );
        }
        match check_address(text) {
            Ok(()) => Ok(Self::Relay(text.trim_end_matches('/').to_owned())),
            Err(Error::Address { problem, .. }) => wrong(problem),
            Err(error) => wrong(error.to_string()),
        }
    }
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
        assert_eq!(
            "http://relay.site:50061/".parse::<Databus>().unwrap(),
            Databus::Relay(relay.to_owned())
        );
        for text in [
            "",
            "/a/b",
            "embedded:",
            "kafka://x",
            "http://relay.site",
            "https://relay.site:1",
            "http://relay.site:1/x",
            "http://relay.site:1?x",
            "http://",
        ] {
            assert!(text.parse::<Databus>().is_err(), "{text}");
        }
    }
}
