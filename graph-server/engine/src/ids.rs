//! The names of things: who a member is outside, where the member stands inside, and where a window stands in the log.
//!
//! Each is a type of its own, so that a member id is never taken for a node index.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member, as the outside knows it. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(NonZeroU64);

impl MemberId {
    /// `None` for 0.
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// A member id from a place where 0 was refused on the way in.
    pub(crate) fn checked_before(id: u64) -> Self {
        match Self::new(id) {
            Some(member) => member,
            None => {
                unreachable!("member id 0 is refused when a base is opened and by MemberId::new")
            }
        }
    }
}

/// A member, as the arrays know it: dense, from 0. A node index is given once and never to another member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeIndex(u32);

impl NodeIndex {
    /// The node index with this number.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number, to index an array by.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// System change number: where a window stands in the log. Increases along the log and may have gaps: never count or
/// add one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scn(u64);

impl Scn {
    /// Before the first window.
    pub const BEGINNING: Scn = Scn(0);

    /// The SCN with this number.
    pub fn new(scn: u64) -> Self {
        Self(scn)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// When a connection was made, in milliseconds since 1970 (UTC). Ordered by time, the unknown time first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionTime(u64);

impl ConnectionTime {
    /// Nobody knows.
    pub const UNKNOWN: ConnectionTime = ConnectionTime(0);
    /// The last time that can be told (the overlay keeps two bits of the word for itself): in the year 146,140,482.
    pub const MAX: ConnectionTime = ConnectionTime((1 << 62) - 1);

    /// This many milliseconds after 1970 began, at most [`MAX`](Self::MAX). 0 is [`UNKNOWN`](Self::UNKNOWN).
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(Self::MAX.0))
    }

    /// Milliseconds since 1970; 0 when unknown.
    pub fn millis(self) -> u64 {
        self.0
    }

    /// Whether the time is known.
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}

/// What a base was built from: 128 bits of a hash over its content. Every file that belongs to the base carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LineageId(u128);

/// One change log, named at random when it is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogId(u128);

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of 32 hexadecimal digits")]
pub struct InvalidHexId {
    /// What was given, cut to 64 characters.
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

macro_rules! number_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

macro_rules! hex_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// The id with these 128 bits.
            pub fn new(id: u128) -> Self {
                Self(id)
            }

            /// The 128 bits.
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

number_text!(MemberId, NodeIndex, Scn, ConnectionTime);
hex_id!(LineageId, LogId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_member() {
        assert_eq!(MemberId::new(0), None);
        assert_eq!(MemberId::new(7).map(MemberId::get), Some(7));
    }

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

    #[test]
    fn times_stop_at_the_last_one() {
        assert_eq!(ConnectionTime::from_millis(u64::MAX), ConnectionTime::MAX);
        assert!(!ConnectionTime::from_millis(0).is_known());
    }
}
