//! A scratch set that counts how often each node was met.
//!
//! The set holds the nodes that were met. Planes of bits hold how often beyond the first time, one
//! plane for each binary digit. A node's digits are its bits in all planes, and adding one carries
//! from plane to plane. Most nodes are met once and touch no plane. At 22 million nodes a tally of
//! any view therefore takes a few megabytes, where a counter for each node takes 88.

use crate::{
    memory::large_array::{LargeArray, Purpose},
    sets::scratch::Scratch,
};

impl Scratch {
    /// Counts a node once more.
    #[inline]
    pub(crate) fn tally(&mut self, node: u32) {
        if self.contains(node) {
            self.carry(node);
        } else {
            self.insert(node);
        }
    }

    /// Removes a node.
    pub(crate) fn forget(&mut self, node: u32) {
        self.remove(node);
        let (place, bit) = place(node);
        for plane in &mut self.planes {
            if let Some(word) = plane.get_mut(place) {
                *word &= !bit;
            }
        }
    }

    /// Empties the tally, and calls `visit` with each node and its count, ascending by node.
    pub(crate) fn drain_tally(&mut self, mut visit: impl FnMut(u32, u32)) {
        let mut planes = std::mem::take(&mut self.planes);
        let mut digits = Vec::with_capacity(planes.len());
        self.drain_words(|first, mut bits| {
            digits.clear();
            let word =
                |plane: &mut LargeArray<u64>| plane.get_mut(place(first).0).map(std::mem::take);
            digits.extend(planes.iter_mut().map(|plane| word(plane).unwrap_or(0)));
            while bits != 0 {
                let bit = bits.trailing_zeros();
                let more = digits.iter().rev();
                let more = more.fold(0, |more, digit| more << 1 | (digit >> bit & 1) as u32);
                visit(first + bit, 1 + more);
                bits &= bits - 1;
            }
        });
        self.planes = planes;
    }

    fn carry(&mut self, node: u32) {
        let (place, bit) = place(node);
        for number in 0.. {
            let words = self.word_count();
            if self.planes.len() == number {
                self.planes
                    .push(LargeArray::zeroed(Purpose::Scratch, words));
            }
            let plane = &mut self.planes[number];
            plane.grow(Purpose::Scratch, words);
            plane[place] ^= bit;
            if plane[place] & bit != 0 {
                return;
            }
        }
    }
}

/// Returns the place of a node's bit in a plane.
fn place(node: u32) -> (usize, u64) {
    (node as usize >> 6, 1 << (node & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_what_was_met(
            rounds in prop::collection::vec(
                (
                    1..300_000u32,
                    prop::collection::vec((0..200u32, 1..40u32), 0..60),
                    prop::collection::vec(0..200u32, 0..20),
                ),
                1..4,
            ),
        ) {
            let mut scratch = Scratch::new();
            for (stride, met, forgotten) in rounds {
                scratch.reserve(200 * stride);
                let mut expected = BTreeMap::new();
                for (node, times) in met {
                    for _ in 0..times {
                        scratch.tally(node * stride);
                    }
                    *expected.entry(node * stride).or_insert(0) += times;
                }
                for node in forgotten {
                    scratch.forget(node * stride);
                    expected.remove(&(node * stride));
                }
                let mut found = Vec::new();
                scratch.drain_tally(|node, times| found.push((node, times)));
                prop_assert_eq!(found, Vec::from_iter(expected));
                prop_assert_eq!(scratch.drain_count(), 0);
            }
        }
    }
}
