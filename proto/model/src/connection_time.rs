//! The time of a connection.

use crate::number_text;
use serde::{Deserialize, Serialize};

/// The time at which a connection was made, in milliseconds since 1970 (UTC). Ordered by time, with
/// the unknown time first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionTime(u64);

impl ConnectionTime {
    /// The time of a connection whose time is not known.
    pub const UNKNOWN: ConnectionTime = ConnectionTime(0);
    /// The latest time, in the year 146,140,482: the overlay reserves two bits of the word.
    pub const MAX: ConnectionTime = ConnectionTime((1 << 62) - 1);

    /// Returns the time this many milliseconds after the beginning of 1970, at most
    /// [`MAX`](Self::MAX). 0 is [`UNKNOWN`](Self::UNKNOWN).
    #[must_use]
    #[inline]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.min(Self::MAX.0))
    }

    /// Returns the milliseconds since 1970; 0 when unknown.
    #[must_use]
    #[inline]
    pub fn millis(self) -> u64 {
        self.0
    }

    /// Returns whether the time is known.
    #[must_use]
    #[inline]
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}

number_text!(ConnectionTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stop_at_the_last_one() {
        assert_eq!(ConnectionTime::from_millis(u64::MAX), ConnectionTime::MAX);
        assert!(!ConnectionTime::from_millis(0).is_known());
    }
}
