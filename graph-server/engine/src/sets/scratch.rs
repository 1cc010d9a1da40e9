//! A set of nodes to build views in: one bit a node, and two levels of summary above. Emptying it
//! visits only the words that were touched. It is reused from build to build; a complete set is
//! converted once.
//!
//! Unions of compressed sets cost about ten times as much as setting bits here and converting once.

use crate::memory::large_array::{LargeArray, Purpose};

/// A reusable set of nodes, for one build at a time. It grows to the largest graph that it has been
/// used for, 1 bit a node.
#[derive(Debug)]
pub struct Scratch {
    /// A bit for each node.
    words: LargeArray<u64>,
    /// A bit for each word that may have bits.
    summary: LargeArray<u64>,
    /// A bit for each word of the summary that may have bits.
    top: LargeArray<u64>,
    /// The counts beside the set, which `tally.rs` keeps.
    pub(crate) planes: Vec<LargeArray<u64>>,
}

impl Scratch {
    /// Starts empty. Memory is allocated at the first use.
    #[must_use]
    pub fn new() -> Self {
        let empty = || LargeArray::zeroed(Purpose::Scratch, 0);
        Self {
            words: empty(),
            summary: empty(),
            top: empty(),
            planes: Vec::new(),
        }
    }

    /// Allocates room for nodes below `node_bound`.
    pub(crate) fn reserve(&mut self, node_bound: u32) {
        let words = (node_bound as usize).div_ceil(64);
        if self.words.len() < words {
            self.words.grow(Purpose::Scratch, words);
            self.summary.grow(Purpose::Scratch, words.div_ceil(64));
            self.top.grow(Purpose::Scratch, words.div_ceil(64 * 64));
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, node: u32) {
        let place = node as usize;
        let word = &mut self.words[place >> 6];
        if *word == 0 {
            self.summary[place >> 12] |= 1 << (place >> 6 & 63);
            self.top[place >> 18] |= 1 << (place >> 12 & 63);
        }
        *word |= 1 << (place & 63);
    }

    #[inline]
    pub(crate) fn contains(&self, node: u32) -> bool {
        self.words[node as usize >> 6] >> (node & 63) & 1 == 1
    }

    pub(crate) fn word_count(&self) -> usize {
        self.words.len()
    }

    #[inline]
    pub(crate) fn remove(&mut self, node: u32) {
        if let Some(word) = self.words.get_mut(node as usize >> 6) {
            *word &= !(1 << (node & 63));
        }
    }

    /// Removes the nodes that are not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        for top_place in 0..self.top.len() {
            for summary_place in bits_of(self.top[top_place], top_place) {
                for place in bits_of(self.summary[summary_place], summary_place) {
                    let kept = bits_of(self.words[place], place);
                    let kept = kept.filter(|&node| keep(node as u32));
                    self.words[place] = kept.fold(0, |word, node| word | 1 << (node & 63));
                }
            }
        }
    }

    /// Empties the set.
    pub(crate) fn clear(&mut self) {
        self.drain_words(|_, _| {});
    }

    /// Empties the set and returns the number of nodes that were in it.
    pub(crate) fn drain_count(&mut self) -> u64 {
        let mut count = 0;
        self.drain_words(|_, bits| count += u64::from(bits.count_ones()));
        count
    }

    /// Empties the set into a list, ascending.
    pub(crate) fn drain(&mut self) -> Vec<u32> {
        let mut nodes = Vec::new();
        self.drain_each(|node| nodes.push(node));
        nodes
    }

    /// Empties the set, and calls `visit` with each node, ascending.
    pub(crate) fn drain_each(&mut self, mut visit: impl FnMut(u32)) {
        self.drain_words(|first, mut bits| {
            while bits != 0 {
                visit(first + bits.trailing_zeros());
                bits &= bits - 1;
            }
        });
    }

    /// Empties the set, and calls `visit` with each word that has bits and the node of its lowest
    /// bit, ascending.
    pub(crate) fn drain_words(&mut self, mut visit: impl FnMut(u32, u64)) {
        for (top_place, top) in self.top.iter_mut().enumerate() {
            for summary_place in drain_bits(top, top_place) {
                for place in drain_bits(&mut self.summary[summary_place], summary_place) {
                    let bits = std::mem::take(&mut self.words[place]);
                    if bits != 0 {
                        visit((place as u32) << 6, bits);
                    }
                }
            }
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes the bits of the word at `place`, as places of the level below.
fn drain_bits(word: &mut u64, place: usize) -> impl Iterator<Item = usize> + use<> {
    bits_of(std::mem::take(word), place)
}

/// Returns the bits of the word at `place`, as places of the level below.
fn bits_of(mut bits: u64, place: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(place << 6 | bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn drains_what_was_inserted(
            rounds in prop::collection::vec(
                (
                    prop::collection::vec(0..1_000_000u32, 0..200),
                    prop::collection::vec(0..1_000_000u32, 0..50),
                ),
                1..4,
            ),
        ) {
            let mut scratch = Scratch::new();
            scratch.reserve(1_000_000);
            for (inserted, removed) in rounds {
                let mut expected = BTreeSet::new();
                for &node in &inserted {
                    scratch.insert(node);
                    expected.insert(node);
                }
                for node in removed.iter().chain(inserted.first()) {
                    scratch.remove(*node);
                    expected.remove(node);
                }
                scratch.retain(|node| node % 7 != 3);
                expected.retain(|node| node % 7 != 3);
                prop_assert!(scratch.drain().into_iter().eq(expected));
                prop_assert_eq!(scratch.drain_count(), 0);
            }
        }
    }
}
