//! An array with a place for every u32, which is filled from its beginning and never moves.
//!
//! It stands in tiers that double: tier t has 512 << t places. A tier is allocated when a place in
//! it is first used, and the system provides its memory as it is written. Two loads find a place.
//! One thread writes while any number of threads read without a lock.

use std::sync::OnceLock;

use zerocopy::FromZeros;

use crate::memory::large_array::{LargeArray, Purpose};

/// The number of tiers that have a place for every u32.
pub(crate) const TIERS: usize = 24;
const FIRST_TIER: u32 = 512;

/// An array that grows by tiers.
pub(crate) struct Tiers<T> {
    tiers: [OnceLock<LargeArray<T>>; TIERS],
    purpose: Purpose,
}

impl<T: FromZeros> Tiers<T> {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            tiers: [const { OnceLock::new() }; TIERS],
            purpose,
        }
    }

    /// Returns the place at `index` when its tier is allocated.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (tier, place) = tier_of(index);
        Some(&self.tiers[tier].get()?[place])
    }

    /// Returns the place at `index`, and allocates its tier when necessary.
    #[inline]
    pub(crate) fn get_or_allocate(&self, index: u32) -> &T {
        let (tier, place) = tier_of(index);
        let tier =
            self.tiers[tier].get_or_init(|| LargeArray::zeroed(self.purpose, tier_length(tier)));
        &tier[place]
    }

    /// Returns the bytes of memory in use when the places below `count` are.
    pub(crate) fn bytes(&self, count: u32) -> u64 {
        let Some(last) = count.checked_sub(1) else {
            return 0;
        };
        let (last, place) = tier_of(last);
        let bytes = |(number, tier): (usize, &OnceLock<LargeArray<T>>)| {
            let tier = tier.get()?;
            let used = if number == last {
                place + 1
            } else {
                tier.len()
            };
            let written = (used * size_of::<T>()).next_multiple_of(tier.page_bytes());
            Some(written.min(tier.bytes()) as u64)
        };
        let tiers = self.tiers[..=last].iter().enumerate();
        tiers.filter_map(bytes).sum()
    }
}

/// Returns the tier of an index, and its place there. Tier t begins at 512 * (2^t - 1).
#[inline]
pub(crate) fn tier_of(index: u32) -> (usize, usize) {
    let tier = (index / FIRST_TIER + 1).ilog2();
    let first = FIRST_TIER * ((1 << tier) - 1);
    (tier as usize, (index - first) as usize)
}

/// Returns the number of places in a tier.
pub(crate) fn tier_length(tier: usize) -> usize {
    (FIRST_TIER as usize) << tier
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn tiers_follow_each_other() {
        let mut first = 0;
        for tier in 0..TIERS {
            let length = tier_length(tier);
            assert_eq!(tier_of(first), (tier, 0));
            let last = first as usize + length - 1;
            let last = u32::try_from(last).unwrap_or(u32::MAX);
            assert_eq!(tier_of(last), (tier, (last - first) as usize));
            first = last.wrapping_add(1);
        }
        assert_eq!(tier_of(u32::MAX).0, TIERS - 1);
    }

    #[test]
    fn places_are_apart_and_keep_what_was_stored() {
        let array = Tiers::<AtomicU32>::new(Purpose::Overlay);
        let indexes = [0, 1, 511, 512, 16_383, 16_384, (1 << 23) - 1, 1 << 23];
        assert!(indexes.iter().all(|&index| array.get(index).is_none()));
        assert_eq!(array.bytes(0), 0);
        for index in indexes {
            array
                .get_or_allocate(index)
                .store(index + 1, Ordering::Relaxed);
        }
        for index in indexes {
            let found = array.get(index).map(|place| place.load(Ordering::Relaxed));
            assert_eq!(found, Some(index + 1));
        }
        assert_eq!(
            array.get(2).map(|place| place.load(Ordering::Relaxed)),
            Some(0)
        );
        assert_eq!(array.bytes(1), 2_048);
        assert_eq!(array.bytes(513), 2_048 + 4_096);
        // The tier of this index is not allocated.
        assert_eq!(array.bytes(2_000), 2_048 + 4_096);
    }
}
