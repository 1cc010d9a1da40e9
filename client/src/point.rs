//! A point in the log that a read waits for, and its text form.

use cloud_proto::databus::v1::{AsOf, SourceOffset, at_least};
use std::{fmt, str::FromStr};

/// A point that a read waits for: the `as_of` of an earlier answer, or a source's offset known from
/// a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Point(at_least::Point);

impl Point {
    /// Returns the point of a window, by its offset in its source.
    #[must_use]
    pub fn source(source_id: impl Into<String>, offset: u64) -> Self {
        Self(at_least::Point::Source(SourceOffset {
            source_id: source_id.into(),
            offset,
        }))
    }

    pub(crate) fn into_proto(self) -> at_least::Point {
        self.0
    }
}

impl From<AsOf> for Point {
    fn from(as_of: AsOf) -> Self {
        Self(at_least::Point::AsOf(as_of))
    }
}

/// `SCN@LOG_ID/HISTORY`, the history as 16 hexadecimal digits and only if it is known; or
/// `SOURCE_ID:OFFSET`.
impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            at_least::Point::AsOf(as_of) => {
                write!(formatter, "{}@{}", as_of.scn, as_of.log_id)?;
                match as_of.history {
                    0 => Ok(()),
                    history => write!(formatter, "/{history:016x}"),
                }
            }
            at_least::Point::Source(source) => {
                write!(formatter, "{}:{}", source.source_id, source.offset)
            }
        }
    }
}

/// The error for a text that is not a [`Point`].
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is neither SCN@LOG_ID/HISTORY nor SOURCE_ID:OFFSET")]
pub struct ParsePointError {
    /// The text.
    pub text: String,
}

impl FromStr for Point {
    type Err = ParsePointError;

    fn from_str(text: &str) -> Result<Self, ParsePointError> {
        let error = || ParsePointError {
            text: text.to_owned(),
        };
        if let Some((scn, log)) = text.split_once('@')
            && let Ok(scn) = scn.parse()
        {
            let (log_id, history) = match log.split_once('/') {
                Some((log_id, history)) if history.len() == 16 => {
                    let history = u64::from_str_radix(history, 16);
                    (log_id, history.map_err(|_| error())?)
                }
                Some(_) => return Err(error()),
                None => (log, 0),
            };
            let log_id = log_id.to_owned();
            return Ok(AsOf {
                log_id,
                scn,
                history,
            }
            .into());
        }
        let (source_id, offset) = text.rsplit_once(':').ok_or_else(error)?;
        Ok(Self::source(
            source_id,
            offset.parse().map_err(|_| error())?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in [
            "17@00112233445566778899aabbccddeeff",
            "17@00112233445566778899aabbccddeeff/0000000000000abc",
            "pg:7:123",
            "orders@east:9",
        ] {
            assert_eq!(text.parse::<Point>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "17",
            "x@y",
            "source:",
            "source:x",
            "1@ab/",
            "1@ab/000000000000000x",
        ] {
            assert!(text.parse::<Point>().is_err(), "{text}");
        }
    }
}
