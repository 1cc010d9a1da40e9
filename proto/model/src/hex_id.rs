//! Ids of 128 bits, written as 32 hexadecimal digits: the lineage of a graph, and the id of a log.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The identity of the input that a base was built from: 128 bits of a hash over its content. Every
/// file of the base carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LineageId(u128);

/// The identity of one change log, drawn at random when the log is created.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogId(u128);

/// The error for a text that is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of 32 hexadecimal digits")]
pub struct InvalidHexId {
    /// The given text, cut to 64 characters.
    pub text: String,
}

fn parse_hex(text: &str) -> Result<u128, InvalidHexId> {
    let invalid = || InvalidHexId {
        text: text.chars().take(64).collect(),
    };
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid());
    }
    u128::from_str_radix(text, 16).map_err(|_| invalid())
}

macro_rules! hex_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// Returns the id with these 128 bits.
            pub fn new(id: u128) -> Self {
                Self(id)
            }

            /// Returns the id with these bytes, the highest first.
            pub fn from_be_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// Returns the bytes, the highest first.
            pub fn to_be_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// Returns the 128 bits.
            pub fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:032x})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidHexId;

            fn from_str(text: &str) -> Result<Self, InvalidHexId> {
                parse_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

hex_id!(LineageId, LogId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_ids_read_back() {
        let lineage = LineageId::new(0xabc);
        assert_eq!(lineage.to_string(), "00000000000000000000000000000abc");
        assert_eq!(lineage.to_string().parse(), Ok(lineage));
        for text in [
            "",
            "abc",
            "+0000000000000000000000000000abc",
            "é000000000000000000000000000abc",
        ] {
            assert!(text.parse::<LogId>().is_err(), "{text}");
        }
    }
}
