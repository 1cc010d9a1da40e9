//! A small table of bits beside a large set of nodes: most nodes that are not in the set are told by one look here.
//!
//! A Bloom filter (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970) whose bits for a node stand in one
//! word (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): 3 of them, at 8 bits for each member
//! of the set, so of the nodes that are not in it one in twenty-five is looked up in vain. (Bench: "100 degrees on a warm view, in the
//! engine": of a page's look-ups most are of connections that are not at 2nd degree.)

use crate::files::read_ahead::{LINE_BYTES, read_ahead};

/// Bits for each node.
const BITS_PER_NODE: usize = 8;
/// A set that would need more has no table: it would be no nearer to the processor than the set is. 256 KiB.
const BITS_MAX: usize = 1 << 21;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sieve {
    /// None: every node may be in the set.
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

    /// Whether the node may be in the set; no is certain.
    #[inline]
    pub(crate) fn may_hold(&self, node: u32) -> bool {
        let (word, bits) = self.place(node);
        self.words.get(word).is_none_or(|word| word & bits == bits)
    }

    /// Asks for the whole table when so many look-ups would come by most of it.
    pub(crate) fn read_ahead(&self, lookups: u64) {
        let words_per_line = LINE_BYTES / size_of::<u64>();
        let lines = self.words.len().div_ceil(words_per_line);
        if lines as u64 <= lookups {
            (0..lines).for_each(|line| read_ahead(&self.words, line * words_per_line));
        }
    }

    /// Memory in use.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.words)
    }

    /// The node's word, and its bits there: the upper half of the hash's share of the table, and three pieces of the lower half.
    #[inline]
    fn place(&self, node: u32) -> (usize, u64) {
        // Multiplied by 2^64 over the golden ratio (Knuth, "The Art of Computer Programming", 6.4).
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
