//! Which log this is, and which graph it began with: two numbers of 128 bits that stand at the head of every segment.
//!
//! A snapshot says which log it goes on from, or (standing at the beginning) which graph it holds; with these two a log
//! of another site is refused before a change of it is read.

use rand::{TryRngCore as _, rngs::OsRng};
use std::{fmt, io, str::FromStr};

/// Text that is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:.64?} is not 32 hexadecimal digits")]
pub struct NotHexadecimal {
    /// What was given.
    pub text: String,
}

/// The lineage of the graph that a log began with: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(u128);

impl Origin {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl FromStr for Origin {
    type Err = NotHexadecimal;
    fn from_str(text: &str) -> Result<Self, NotHexadecimal> {
        hexadecimal(text).map(Self)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A log's own name, random: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogId(u128);

impl LogId {
    /// From the system's source of randomness.
    pub(crate) fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
        Ok(Self::from_bytes(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl FromStr for LogId {
    type Err = NotHexadecimal;
    fn from_str(text: &str) -> Result<Self, NotHexadecimal> {
        hexadecimal(text).map(Self)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

fn hexadecimal(text: &str) -> Result<u128, NotHexadecimal> {
    // from_str_radix alone would take a sign.
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u128::from_str_radix(text, 16) {
        Ok(value) if digits => Ok(value),
        _ => Err(NotHexadecimal {
            text: text.to_owned(),
        }),
    }
}
