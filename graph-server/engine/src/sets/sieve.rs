//! A small filter in front of a large set of nodes: it excludes most nodes that are not in the set
//! by one look.
//!
//! It is a Bloom filter (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970)
//! whose bits for a node stand in one word (Putze, Sanders, Singler, "Cache-, Hash- and
//! Space-Efficient Bloom Filters", 2007). It sets 3 bits a member, and has 8 bits a member, so one
//! in twenty-five of the nodes outside the set passes. (Bench: "100 degrees on a warm view, in the
//! engine": most of a page's look-ups are of connections that are not at 2nd degree.)

use crate::memory::read_ahead::read_ahead;

/// The bits of the filter for each node.
const BITS_PER_NODE: usize = 8;
/// The most bits of a filter: 256 KiB. A larger one would not stay closer to the processor than the
/// set itself.
const BITS_MAX: usize = 1 << 21;

/// A filter in front of a set of nodes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sieve {
    /// The words of bits. Empty when every node may be in the set.
    words: Box<[u64]>,
}

impl Sieve {
    pub(crate) fn new(nodes: &[u32]) -> Self {
        let bits = nodes.len() * BITS_PER_NODE;
        let words = if bits > BITS_MAX { 0 } else { bits / 64 + 1 };
        let mut sieve = Self {
            words: vec![0; words].into(),
        };
        if words > 0 {
            for &node in nodes {
                let (word, bits) = sieve.place(node);
                sieve.words[word] |= bits;
            }
        }
        sieve
    }

    /// Returns whether the node may be in the set. The answer no is certain.
    #[inline]
    pub(crate) fn may_hold(&self, node: u32) -> bool {
        let (word, bits) = self.place(node);
        self.words.get(word).is_none_or(|word| word & bits == bits)
    }

    /// Prefetches what [`may_hold`](Self::may_hold) reads of a node.
    #[inline]
    pub(crate) fn read_node_ahead(&self, node: u32) {
        let (word, _) = self.place(node);
        read_ahead(&self.words, word);
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.words)
    }

    /// Returns the node's word and its bits there. The upper half of the hash selects the word, and
    /// three pieces of the lower half select the bits.
    #[inline]
    fn place(&self, node: u32) -> (usize, u64) {
        // Multiplies by 2^64 over the golden ratio (Knuth, "The Art of Computer Programming", 6.4).
        let hash = u64::from(node).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let word = ((hash >> 32) * self.words.len() as u64) >> 32;
        let bits = 1 << (hash >> 26 & 63) | 1 << (hash >> 20 & 63) | 1 << (hash >> 14 & 63);
        (word as usize, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_pass_and_most_others_do_not() {
        for count in [0, 1, 7, 1_000, 30_000, 100_000, 300_000] {
            let nodes: Vec<u32> = (0..count).map(|number| number * 61 + 3).collect();
            let sieve = Sieve::new(&nodes);
            assert!(nodes.iter().all(|&node| sieve.may_hold(node)));
            let passing = nodes
                .iter()
                .filter(|&node| sieve.may_hold(node + 1))
                .count();
            let most = if sieve.bytes() == 0 {
                nodes.len()
            } else {
                nodes.len() / 20
            };
            assert!(passing <= most, "{passing} of {count}");
        }
    }
}
