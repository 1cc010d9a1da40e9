//! Which change log the server follows, as text.

use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// Which change log the server follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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
