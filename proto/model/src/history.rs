//! The history of a log up to a window: a hash that tells apart two logs that share a name.
//!
//! A log that is restored from an older copy and written on gives SCNs that were given before to
//! other windows. Its name is the same, and so are its SCNs. The histories differ from the first
//! window that differs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, num::NonZeroU64, str::FromStr};

/// The hash of a window's content and of the history before it: 64 bits, never 0. Equal histories
/// at one SCN mean equal windows up to there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct History(NonZeroU64);

/// The error for a text that is not 16 hexadecimal digits, or that is zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a history of 16 hexadecimal digits")]
pub struct InvalidHistory {
    /// The given text, cut to 64 characters.
    pub text: String,
}

impl History {
    /// Wraps a hash. 0 becomes 1.
    #[must_use]
    #[inline]
    pub const fn of_hash(hash: u64) -> Self {
        match NonZeroU64::new(hash) {
            Some(hash) => Self(hash),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// Returns the history with this number; `None` for 0, which stands for an unknown history on
    /// the wire and in files.
    #[must_use]
    #[inline]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// Returns the number of a history that may be unknown; 0 if it is.
    #[must_use]
    #[inline]
    pub const fn number(history: Option<Self>) -> u64 {
        match history {
            Some(history) => history.get(),
            None => 0,
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "History({self})")
    }
}

impl FromStr for History {
    type Err = InvalidHistory;

    fn from_str(text: &str) -> Result<Self, InvalidHistory> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex);
        number.and_then(Self::new).ok_or_else(|| InvalidHistory {
            text: text.chars().take(64).collect(),
        })
    }
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_read_back_and_are_never_zero() {
        let history = History::of_hash(0xabc);
        assert_eq!(history.to_string(), "0000000000000abc");
        assert_eq!(history.to_string().parse(), Ok(history));
        assert_eq!(History::of_hash(0), History::of_hash(1));
        assert_eq!(History::new(0), None);
        assert_eq!(History::number(None), 0);
        for text in [
            "",
            "abc",
            "0000000000000000",
            "+000000000000abc",
            "g000000000000abc",
        ] {
            assert!(text.parse::<History>().is_err(), "{text}");
        }
    }
}
