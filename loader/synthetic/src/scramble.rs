//! Bijections that look random: an unsorted order for connections, sparse ids for members.
//!
//! Sorting scrambled pairs finds duplicates as sorting plain pairs would. It leaves the rows in no
//! order, as in a site's own dump. Rows ordered by id or community would be easier to load than
//! real ones.

/// Murmur3's 64-bit finaliser: a bijection.
pub(super) fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// The inverse of [`scramble`].
pub(super) fn unscramble(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0x9cb4_b2f8_1293_37db);
    let value = (value ^ (value >> 33)).wrapping_mul(0x4f74_430c_22a5_4005);
    value ^ (value >> 33)
}

/// A bijection of 32 bits: Wellons' `lowbias32`.
pub(super) fn scramble_index(index: u32) -> u32 {
    let index = (index ^ (index >> 16)).wrapping_mul(0x7feb_352d);
    let index = (index ^ (index >> 15)).wrapping_mul(0x846c_a68b);
    index ^ (index >> 16)
}

/// The inverse of [`scramble_index`].
pub(super) fn unscramble_index(index: u32) -> u32 {
    let index = (index ^ (index >> 16)).wrapping_mul(0x4302_1123);
    let index = (index ^ (index >> 15) ^ (index >> 30)).wrapping_mul(0x1d69_e2a5);
    index ^ (index >> 16)
}

/// Returns a fraction in `0.0..1.0`, uniform over values and always the same for one value.
pub(super) fn fraction(value: u64) -> f64 {
    (scramble(value) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Maps `0..2^63` to itself and keeps 0. The ids fit in a signed column, and none above 0 becomes
/// 0.
pub(super) fn sparse_id(dense: u64) -> u64 {
    const MASK: u64 = (1 << 63) - 1;
    let value = (dense ^ (dense >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) & MASK;
    let value = (value ^ (value >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) & MASK;
    value ^ (value >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unscramble_undoes_scramble(value: u64) {
            prop_assert_eq!(unscramble(scramble(value)), value);
            let index = value as u32;
            prop_assert_eq!(unscramble_index(scramble_index(index)), index);
            prop_assert!((0.0..1.0).contains(&fraction(value)));
        }
    }

    #[test]
    fn sparse_ids_are_unique_positive_and_spread() {
        let ids: HashSet<u64> = (1..=100_000).map(sparse_id).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|&id| id > 0 && id < 1 << 63));
        let upper = ids.iter().filter(|&&id| id >= 1 << 62).count();
        assert!((45_000..55_000).contains(&upper), "{upper}");
    }
}
