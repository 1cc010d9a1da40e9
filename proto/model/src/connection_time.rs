//! The time of a connection.

use crate::number_text;
use serde::{Deserialize, Serialize};

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
