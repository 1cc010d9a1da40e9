//! The times at which members joined and connected, in milliseconds since 1970.
//!
//! Nothing is stored: a time is drawn from a hash of its members, so it is the same at every call.

use rand::Rng;

use crate::{
    random::{Purpose, stream},
    scramble::fraction,
};

/// 2012-01-01: the first members join.
pub(super) const OPENED: u64 = 1_325_376_000_000;
/// 2026-01-01: the dump is taken. Every time is before it.
pub(super) const TAKEN: u64 = 1_767_225_600_000;

/// The times of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    joined_key: u64,
    connected_key: u64,
}

impl Times {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = stream(seed, Purpose::Keys, 3);
        Times {
            joined_key: random.random(),
            connected_key: random.random(),
        }
    }

    /// Returns the time at which a member joined. The rate of joining grows with the age of the
    /// site.
    pub(super) fn joined(&self, person: u32) -> u64 {
        let grown = fraction(u64::from(person) ^ self.joined_key).sqrt();
        OPENED + ((TAKEN - OPENED) as f64 * grown) as u64
    }

    /// Returns the time at which two members connected: after both joined, mostly soon after.
    pub(super) fn connected(&self, one: u32, other: u32) -> u64 {
        let both_here = self.joined(one).max(self.joined(other));
        let pair = (u64::from(one.min(other)) << 32) | u64::from(one.max(other));
        let waited = fraction(pair ^ self.connected_key).powi(2);
        both_here + ((TAKEN - both_here) as f64 * waited) as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nobody_connects_before_both_have_joined(seed: u64, one: u32, other: u32) {
            let times = Times::new(seed);
            let connected = times.connected(one, other);
            prop_assert!(connected >= times.joined(one) && connected >= times.joined(other));
            prop_assert!(times.joined(one) >= OPENED && connected < TAKEN);
            prop_assert_eq!(connected, times.connected(other, one));
        }
    }
}
