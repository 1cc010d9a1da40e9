//! An immutable set of nodes, from which views are made. It is small, and a look-up has few cache
//! misses.
//!
//! It takes the smallest of three forms, for `n` nodes of which the highest is `h`:
//!
//! ```text
//! listed     4 n bytes                   the nodes, ascending
//! buckets    2 n + 4 h / 2^shift bytes   nodes grouped by their upper bits;
//!                                        of each node, the low 16 bits
//! bits       h / 8 bytes                 one for each node up to the highest
//! ```
//!
//! A look-up in buckets reads the two bounds of a bucket, which are adjacent, and then searches
//! about 32 numbers of 2 bytes.
//!
//! A compressed bitmap of containers (Chambi, Lemire, Kaser, Godin, "Better bitmap performance with
//! Roaring bitmaps", 2016) first searches the containers, and then one that lies elsewhere in
//! memory. For a view of 10,000 in 20 million nodes it has 300 containers, each allocated
//! separately. (Bench at 22 M members: "100 degrees on a warm view, in the engine".)

mod nodes;

use crate::{
    memory::{
        large_array::{LargeArray, Purpose},
        read_ahead::{read_ahead, read_ahead_slice},
    },
    neighbours::Neighbours,
    node_index::NodeIndex,
};
pub use nodes::Nodes;

/// The most nodes of a bucket, if they are spread evenly; it then has at least half as many.
const BUCKET_NODES: u64 = 32;
/// The widest bucket: the low 16 bits distinguish its nodes.
const SHIFT_MAX: u32 = 16;
const WORD_BITS: u32 = u64::BITS;

/// An immutable set of nodes, in the smallest of three forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSet {
    form: Form,
    length: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Listed(LargeArray<u32>),
    Buckets(Buckets),
    Bits(LargeArray<u64>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Buckets {
    /// The number of low bits by which a bucket's nodes differ. The bits above are the bucket.
    shift: u32,
    /// The start of each bucket in `lows`, and the end of the last one.
    starts: LargeArray<u32>,
    /// The low 16 bits of each node, ascending within a bucket.
    lows: LargeArray<u16>,
}

impl Default for NodeSet {
    fn default() -> Self {
        Self::from_ascending(&[])
    }
}

impl NodeSet {
    /// Builds a set of nodes, which must ascend. O(n), and O(h / 64) for the form of bits.
    #[must_use]
    pub fn from_ascending(nodes: &[u32]) -> Self {
        debug_assert!(nodes.is_sorted_by(|one, next| one < next), "nodes ascend");
        let length = nodes.len() as u64;
        let highest = nodes.last().copied().unwrap_or(0);
        let per_bucket = (u64::from(highest) + 1) * BUCKET_NODES / length.max(1);
        let shift = per_bucket.max(1).ilog2().min(SHIFT_MAX);
        let buckets = u64::from(highest >> shift) + 1;
        let bytes_listed = 4 * length;
        let bytes_in_buckets = 2 * length + 4 * (buckets + 1);
        let bytes_of_bits = 8 * (u64::from(highest / WORD_BITS) + 1);
        let form = if bytes_listed <= bytes_in_buckets.min(bytes_of_bits) {
            Form::Listed(LargeArray::copied(Purpose::Views, nodes))
        } else if bytes_in_buckets <= bytes_of_bits {
            Form::Buckets(Buckets::new(nodes, shift, buckets as usize))
        } else {
            let mut words = LargeArray::zeroed(Purpose::Views, bytes_of_bits as usize / 8);
            for &node in nodes {
                words[(node / WORD_BITS) as usize] |= 1 << (node % WORD_BITS);
            }
            Form::Bits(words)
        };
        Self { form, length }
    }

    /// Builds a set of a node's neighbours.
    pub(crate) fn from_neighbours(neighbours: Neighbours<'_>) -> Self {
        let nodes: Vec<u32> = neighbours.map(NodeIndex::get).collect();
        Self::from_ascending(&nodes)
    }

    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Returns whether the set has no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns whether a node is in the set. O(log n) in the worst case. In buckets it is a search
    /// of about 32 numbers.
    #[inline]
    #[must_use]
    pub fn contains(&self, node: u32) -> bool {
        match &self.form {
            Form::Listed(nodes) => nodes.binary_search(&node).is_ok(),
            Form::Buckets(buckets) => buckets.contains(node),
            Form::Bits(words) => {
                let word = words.get((node / WORD_BITS) as usize);
                word.is_some_and(|word| word >> (node % WORD_BITS) & 1 == 1)
            }
        }
    }

    /// Prefetches what a look-up of the node reads first.
    #[inline]
    pub(crate) fn read_ahead(&self, node: u32) {
        match &self.form {
            Form::Listed(nodes) => read_ahead_slice(nodes),
            Form::Buckets(buckets) => read_ahead(&buckets.starts, (node >> buckets.shift) as usize),
            Form::Bits(words) => read_ahead(words, (node / WORD_BITS) as usize),
        }
    }

    /// Prefetches what a look-up of the node reads next, which reads what is read first.
    #[inline]
    pub(crate) fn read_further_ahead(&self, node: u32) {
        if let Form::Buckets(buckets) = &self.form
            && let Some(&start) = buckets.starts.get((node >> buckets.shift) as usize)
        {
            read_ahead(&buckets.lows, start as usize);
        }
    }

    /// Returns the nodes, ascending.
    #[must_use]
    pub fn iter(&self) -> Nodes<'_> {
        Nodes::of(self)
    }

    /// Returns the nodes in both sets, ascending, by looking up those of the smaller set in the
    /// other.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Vec<u32> {
        let (few, many) = if self.len() <= other.len() {
            (self, other)
        } else {
            (other, self)
        };
        few.iter().filter(|&node| many.contains(node)).collect()
    }

    /// Returns the nodes of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let nodes: Vec<u32> = self.iter().filter(|&node| !other.contains(node)).collect();
        Self::from_ascending(&nodes)
    }

    /// Returns the bytes of memory besides the struct itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.form {
            Form::Listed(nodes) => nodes.bytes(),
            Form::Buckets(Buckets { starts, lows, .. }) => starts.bytes() + lows.bytes(),
            Form::Bits(words) => words.bytes(),
        }
    }
}

impl Buckets {
    fn new(nodes: &[u32], shift: u32, buckets: usize) -> Self {
        let mut starts = Vec::with_capacity(buckets + 1);
        for (place, &node) in (0..).zip(nodes) {
            // Begins this node's bucket, and empty ones before it.
            starts.resize(((node >> shift) as usize + 1).max(starts.len()), place);
        }
        starts.resize(buckets + 1, nodes.len() as u32);
        let lows = nodes.iter().map(|&node| node as u16).collect();
        Self {
            shift,
            starts: LargeArray::of(Purpose::Views, starts),
            lows: LargeArray::of(Purpose::Views, lows),
        }
    }

    #[inline]
    fn contains(&self, node: u32) -> bool {
        let bucket = (node >> self.shift) as usize;
        let Some(&[start, end]) = self
            .starts
            .get(bucket..bucket + 2)
            .and_then(|bounds| bounds.as_array())
        else {
            return false;
        };
        let lows = self.lows.get(start as usize..end as usize);
        lows.is_some_and(|lows| lows.binary_search(&(node as u16)).is_ok())
    }

    /// Returns the node at a place of `lows`, if it is in this bucket.
    #[inline]
    fn node(&self, bucket: usize, place: usize) -> Option<u32> {
        let low = u32::from(*self.lows.get(place)?);
        Some((bucket as u32) << self.shift | low & ((1 << self.shift) - 1))
    }

    /// Returns the end of a bucket. Behind the last bucket it is the end of all.
    #[inline]
    fn end(&self, bucket: usize) -> usize {
        self.starts
            .get(bucket + 1)
            .map_or(self.lows.len(), |&end| end as usize)
    }
}

impl<'a> IntoIterator for &'a NodeSet {
    type Item = u32;
    type IntoIter = Nodes<'a>;

    fn into_iter(self) -> Nodes<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(nodes: &BTreeSet<u32>, asked: &[u32]) -> Result<(), TestCaseError> {
        let ascending: Vec<u32> = nodes.iter().copied().collect();
        let set = NodeSet::from_ascending(&ascending);
        prop_assert_eq!(set.len(), nodes.len() as u64);
        prop_assert_eq!(set.is_empty(), nodes.is_empty());
        prop_assert!(set.iter().eq(nodes.iter().copied()));
        let near = nodes
            .iter()
            .flat_map(|&node| [node, node.saturating_sub(1), node.saturating_add(1)]);
        for node in near
            .take(3_000)
            .chain(asked.iter().copied())
            .chain([0, u32::MAX])
        {
            prop_assert_eq!(set.contains(node), nodes.contains(&node), "{}", node);
        }
        // Jumps from the current node to others, including earlier ones.
        let mut walk = set.iter();
        let mut from = 0;
        for &node in asked {
            walk.advance_to(node);
            from = from.max(node);
            prop_assert!(
                walk.clone()
                    .take(5)
                    .eq(nodes.range(from..).copied().take(5))
            );
            if let Some(next) = walk.next() {
                from = next.saturating_add(1);
            }
        }
        let (asked, nodes) = (BTreeSet::from_iter(asked.iter().copied()), nodes);
        let other = NodeSet::from_ascending(&Vec::from_iter(asked.iter().copied()));
        prop_assert!(
            set.intersection(&other)
                .iter()
                .eq(nodes.intersection(&asked))
        );
        let difference = set.difference(&other);
        prop_assert!(difference.iter().eq(nodes.difference(&asked).copied()));
        Ok(())
    }

    proptest! {
        #[test]
        fn equals_an_ordered_set(
            nodes in prop::sample::select(vec![10, 300, 70_000, 3_000_000, u32::MAX])
                .prop_flat_map(|bound| prop::collection::btree_set(0..=bound, 0..2_000)),
            asked in prop::collection::vec(
                prop_oneof![0u32..3_000, 0u32..3_000_000, any::<u32>()],
                0..60,
            ),
            crowded in 0u32..3_000_000,
        ) {
            check(&nodes, &asked)?;
            // Many nodes in a few buckets, none in others.
            let crowd = (0..2_000).map(|step| crowded + step * step % 4_096);
            check(&nodes.into_iter().chain(crowd).collect(), &asked)?;
        }
    }

    #[test]
    fn the_smallest_form_is_taken() {
        let form = |step: usize, bound: u32| {
            let nodes: Vec<u32> = (0..bound).step_by(step).collect();
            let set = NodeSet::from_ascending(&nodes);
            let name = match &set.form {
                Form::Listed(_) => "listed",
                Form::Buckets(_) => "buckets",
                Form::Bits(_) => "bits",
            };
            (name, set.bytes())
        };
        assert_eq!(form(1, 0), ("listed", 0));
        assert_eq!(form(1, 1), ("listed", 4));
        assert_eq!(form(1_000_000, 20_000_000), ("listed", 80));
        assert_eq!(form(2_000, 20_000_000), ("buckets", 2 * 10_000 + 4 * 612));
        assert_eq!(form(100, 20_000_000), ("buckets", 2 * 200_000 + 4 * 9_767));
        assert_eq!(form(10, 20_000_000), ("bits", 20_000_000 / 8));
        assert_eq!(form(1, 1_000_000), ("bits", 125_000));
    }

    #[test]
    fn the_highest_node_of_all_has_its_place() {
        for nodes in [
            vec![u32::MAX],
            (0..200_000)
                .map(|step| u32::MAX - 7 * (199_999 - step))
                .collect(),
        ] {
            let set = NodeSet::from_ascending(&nodes);
            assert!(set.contains(u32::MAX) && !set.contains(u32::MAX - 1));
            assert!(set.iter().eq(nodes));
        }
    }
}
