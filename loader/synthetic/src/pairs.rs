//! Connected pairs in memory: 8 bytes each, no order, no duplicates.

use std::ops::Range;

use rand::Rng;
use rayon::prelude::*;

use crate::{
    random::{Purpose, stream},
    scramble::{scramble, unscramble},
};

/// Pairs of members' numbers. Each is kept as a scrambled 64-bit number, so that one sort both
/// drops duplicates and shuffles the pairs.
#[derive(Debug, Clone)]
pub(super) struct PairSet {
    scrambled: Vec<u64>,
    key: u64,
}

impl PairSet {
    /// Creates a set with room for this number of pairs.
    pub(super) fn with_capacity(pairs: usize, seed: u64) -> Self {
        PairSet {
            scrambled: Vec::with_capacity(pairs),
            key: stream(seed, Purpose::Keys, 0).random(),
        }
    }

    /// Adds a pair of two different members, in either order.
    pub(super) fn push(&mut self, one: u32, other: u32) {
        debug_assert_ne!(one, other);
        let pair = (u64::from(one.min(other)) << 32) | u64::from(one.max(other));
        self.scrambled.push(scramble(pair ^ self.key));
    }

    /// Shuffles the pairs, always the same way, and drops duplicates.
    pub(super) fn shuffle_and_deduplicate(&mut self) {
        self.scrambled.par_sort_unstable();
        self.scrambled.dedup();
    }

    pub(super) fn len(&self) -> usize {
        self.scrambled.len()
    }

    /// Returns the pairs, each with its smaller number first.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + Clone {
        self.scrambled.iter().map(|&scrambled| self.pair(scrambled))
    }

    /// Returns the pairs at these places.
    pub(super) fn range(&self, range: Range<usize>) -> impl Iterator<Item = (u32, u32)> {
        let scrambled = self.scrambled.get(range).unwrap_or_default();
        scrambled.iter().map(|&scrambled| self.pair(scrambled))
    }

    fn pair(&self, scrambled: u64) -> (u32, u32) {
        let pair = unscramble(scrambled) ^ self.key;
        ((pair >> 32) as u32, pair as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_go_whichever_end_came_first() {
        let mut pairs = PairSet::with_capacity(0, 4);
        for (one, other) in [(1, 2), (2, 1), (0, u32::MAX), (1, 2), (7, 3)] {
            pairs.push(one, other);
        }
        pairs.shuffle_and_deduplicate();
        let mut found: Vec<_> = pairs.iter().collect();
        found.sort_unstable();
        assert_eq!(found, [(0, u32::MAX), (1, 2), (3, 7)]);
    }

    #[test]
    fn pairs_are_in_no_order() {
        let mut pairs = PairSet::with_capacity(0, 4);
        for number in 0..1_000 {
            pairs.push(number, number + 1);
        }
        pairs.shuffle_and_deduplicate();
        let rising = pairs
            .iter()
            .zip(pairs.iter().skip(1))
            .filter(|(a, b)| a < b)
            .count();
        assert!((400..600).contains(&rising), "{rising}");
    }
}
