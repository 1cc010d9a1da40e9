//! A small table of bits beside a large set of nodes: most nodes that are not in the set are told by one look here.
//!
//! A node's bit is found by a multiplicative hash (Knuth, "The Art of Computer Programming", 6.4). There are 8 bits for each member
//! of the set, so of the nodes that are not in it, one in eight is looked up in vain. (Bench: "100 degrees on a warm view, in the
//! engine": of a page's look-ups most are of connections that are not at 2nd degree.)

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
                let (word, bit) = sieve.place(node);
                sieve.words[word] |= bit;
            }
        }
        sieve
    }

    /// Whether the node may be in the set; no is certain.
    #[inline]
    pub(crate) fn may_hold(&self, node: u32) -> bool {
        let (word, bit) = self.place(node);
        self.words.get(word).is_none_or(|word| word & bit != 0)
    }

    /// Memory in use.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.words)
    }

    /// The node's word, and its bit there: the upper part of the hash's share of the table, and the lower.
    #[inline]
    fn place(&self, node: u32) -> (usize, u64) {
        let hash = u64::from(node.wrapping_mul(0x9E37_79B1));
        let place = (hash * (self.words.len() as u64 * 64)) >> 32;
        ((place / 64) as usize, 1 << (place % 64))
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
                nodes.len() / 6
            };
            assert!(passing <= most, "{passing} of {count}");
        }
    }
}
