//! A node's neighbours at one SCN: the base's row, merged with the node's chain when there is one,
//! without those that are hidden from the side of the graph.

use std::{fmt, slice};

use smallvec::SmallVec;

use crate::{
    node_index::NodeIndex,
    overlay::{
        chains::Chain,
        summary::{LastWord, Rest, merged, walk_chain},
    },
};

/// A node's neighbours, ascending by node index. For a node without changes it walks a slice.
#[derive(Clone, Debug)]
pub struct Neighbours<'a> {
    row: Row<'a>,
    /// The side from which some of them are hidden; `None` if all are shown.
    seen_from: Option<&'a dyn Hides>,
}

/// A side from which some nodes are hidden.
pub(crate) trait Hides: fmt::Debug + Sync {
    /// Returns whether the node is hidden.
    fn hides(&self, node: NodeIndex) -> bool;
}

#[derive(Clone, Debug)]
enum Row<'a> {
    Base(slice::Iter<'a, u32>),
    Merged(Merged<'a>),
}

#[derive(Clone, Debug)]
struct Merged<'a> {
    base: &'a [u32],
    changes: smallvec::IntoIter<[Change; CHANGES_INLINE]>,
}

/// The ratio of lengths beyond which searching the longer list beats walking both.
const SEARCH_RATIO: usize = 32;

/// The longest chain that is merged without an allocation.
const CHANGES_INLINE: usize = 6;

/// The last change of one neighbour: its node, and in the lowest bit whether it is connected.
#[derive(Clone, Copy, Debug)]
struct Change(u64);

impl Change {
    fn new(word: LastWord) -> Self {
        Self(u64::from(word.neighbour) << 1 | u64::from(word.stamp.is_added()))
    }

    fn neighbour(self) -> u32 {
        (self.0 >> 1) as u32
    }

    fn is_added(self) -> bool {
        self.0 & 1 == 1
    }
}

impl<'a> Neighbours<'a> {
    #[inline]
    pub(crate) fn of_base(row: &'a [u32]) -> Self {
        Row::Base(row.iter()).into()
    }

    pub(crate) fn merged(row: &'a [u32], node: NodeIndex, chain: Chain<'_>) -> Self {
        let mut changes = SmallVec::<[Change; CHANGES_INLINE]>::new();
        let rest = walk_chain(node, chain, |word| changes.push(Change::new(word)));
        if changes.len() > 1 {
            // The sort is stable: the newest entry of each neighbour stays first.
            changes.sort_by_key(|change| change.neighbour());
            changes.dedup_by_key(|change| change.neighbour());
        }
        let base_counts = match rest {
            Rest::Base => true,
            Rest::Nothing => false,
            Rest::Summary(summary) => {
                let older = summary.words().iter().copied().map(Change::new);
                changes = merged(changes, older, Change::neighbour).collect();
                summary.base_counts()
            }
        };
        let base = if base_counts { row } else { &[] };
        if changes.is_empty() {
            return Self::of_base(base);
        }
        let changes = changes.into_iter();
        Row::Merged(Merged { base, changes }).into()
    }

    /// Returns those that are not hidden from a side; all of them if there is none.
    #[inline]
    pub(crate) fn seen_from(self, seen_from: Option<&'a dyn Hides>) -> Self {
        Self { seen_from, ..self }
    }

    /// Skips the neighbours below `node`. O(log d), and O(1) for each change skipped.
    pub(crate) fn advance_to(&mut self, node: u32) {
        let from = |row: &'a [u32]| row.split_at(row.partition_point(|&other| other < node)).1;
        match &mut self.row {
            Row::Base(row) => *row = from(row.as_slice()).iter(),
            Row::Merged(Merged { base, changes }) => {
                *base = from(base);
                let below = |change: &Change| change.neighbour() < node;
                let below = changes.as_slice().partition_point(below);
                if let Some(last) = below.checked_sub(1) {
                    changes.nth(last);
                }
            }
        }
    }

    /// Returns whether a node is among the remaining ones. O(log d).
    pub(crate) fn contains(&self, node: u32) -> bool {
        let (base, changes) = match &self.row {
            Row::Base(row) => (row.as_slice(), &[][..]),
            Row::Merged(merged) => (merged.base, merged.changes.as_slice()),
        };
        let is_in = match changes.binary_search_by_key(&node, |change| change.neighbour()) {
            Ok(place) => changes[place].is_added(),
            Err(_) => base.binary_search(&node).is_ok(),
        };
        is_in && self.shows(NodeIndex::new(node))
    }

    /// Returns the cost of looking up as many nodes, in edges. `None` where walking costs less. The
    /// changes of a node have been gathered to get here, and count.
    pub(crate) fn search_cost(&self, nodes: usize) -> Option<usize> {
        let (count, changes) = (self.count_max(), self.change_count());
        (count / SEARCH_RATIO > nodes).then(|| nodes * count.ilog2() as usize + changes)
    }

    /// Returns the number of remaining changes, which a clone copies.
    pub(crate) fn change_count(&self) -> usize {
        match &self.row {
            Row::Base(_) => 0,
            Row::Merged(merged) => merged.changes.len(),
        }
    }

    /// Returns the cost of counting the remaining neighbours, in edges.
    pub(crate) fn count_cost(&self) -> usize {
        match self.seen_from {
            None => self.change_count(),
            Some(_) => self.count_max(),
        }
    }

    /// Returns an upper bound of the remaining neighbours. It is exact for a node without changes
    /// whose neighbours are all shown.
    #[inline]
    #[must_use]
    pub fn count_max(&self) -> usize {
        match &self.row {
            Row::Base(row) => row.len(),
            Row::Merged(merged) => merged.base.len() + merged.changes.len(),
        }
    }

    #[inline]
    fn shows(&self, node: NodeIndex) -> bool {
        self.seen_from.is_none_or(|side| !side.hides(node))
    }
}

impl<'a> From<Row<'a>> for Neighbours<'a> {
    fn from(row: Row<'a>) -> Self {
        let seen_from = None;
        Self { row, seen_from }
    }
}

impl Iterator for Neighbours<'_> {
    type Item = NodeIndex;

    #[inline]
    fn next(&mut self) -> Option<NodeIndex> {
        match self.seen_from {
            None => self.row.next(),
            Some(side) => self.row.find(|&node| !side.hides(node)),
        }
    }

    #[inline]
    fn any<F: FnMut(NodeIndex) -> bool>(&mut self, mut f: F) -> bool {
        match self.seen_from {
            None => self.row.any(f),
            Some(side) => self.row.any(|node| !side.hides(node) && f(node)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self.seen_from {
            None => self.row.size_hint(),
            Some(_) => (0, Some(self.count_max())),
        }
    }

    /// Counts by looking at the changes only, each a search in the base's row, if all are shown.
    fn count(self) -> usize {
        match self.seen_from {
            None => self.row.count(),
            Some(side) => self.row.filter(|&node| !side.hides(node)).count(),
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, NodeIndex) -> B>(self, init: B, f: F) -> B {
        match self.seen_from {
            None => self.row.fold(init, f),
            Some(side) => self.row.filter(|&node| !side.hides(node)).fold(init, f),
        }
    }
}

impl Iterator for Row<'_> {
    type Item = NodeIndex;

    #[inline]
    fn next(&mut self) -> Option<NodeIndex> {
        match self {
            Row::Base(row) => row.next().copied().map(NodeIndex::new),
            Row::Merged(merged) => merged.next().map(NodeIndex::new),
        }
    }

    #[inline]
    fn any<F: FnMut(NodeIndex) -> bool>(&mut self, mut f: F) -> bool {
        match self {
            Row::Base(row) => row.any(|&node| f(NodeIndex::new(node))),
            Row::Merged(merged) => merged.any(|node| f(NodeIndex::new(node))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Row::Base(row) => row.size_hint(),
            Row::Merged(merged) => (0, Some(merged.base.len() + merged.changes.len())),
        }
    }

    fn count(self) -> usize {
        match self {
            Row::Base(row) => row.len(),
            Row::Merged(merged) => merged.count(),
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, NodeIndex) -> B>(self, init: B, mut f: F) -> B {
        match self {
            Row::Base(row) => row.fold(init, |all, &node| f(all, NodeIndex::new(node))),
            Row::Merged(merged) => merged.fold(init, |all, node| f(all, NodeIndex::new(node))),
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = u32;

    fn count(self) -> usize {
        let base = self.base;
        let count = |count: usize, change: Change| {
            let was = base.binary_search(&change.neighbour()).is_ok();
            count + usize::from(change.is_added()) - usize::from(was)
        };
        self.changes.fold(base.len(), count)
    }

    /// Walks the base's row in the stretches between changes.
    fn fold<B, F: FnMut(B, u32) -> B>(self, init: B, mut f: F) -> B {
        let (mut all, mut base) = (init, self.base);
        for change in self.changes {
            let (before, rest) =
                base.split_at(base.partition_point(|&node| node < change.neighbour()));
            all = before.iter().fold(all, |all, &node| f(all, node));
            base = rest.strip_prefix(&[change.neighbour()]).unwrap_or(rest);
            if change.is_added() {
                all = f(all, change.neighbour());
            }
        }
        base.iter().fold(all, |all, &node| f(all, node))
    }

    fn next(&mut self) -> Option<u32> {
        loop {
            let change = self.changes.as_slice().first();
            match (self.base.split_first(), change) {
                (Some((&node, rest)), Some(change)) if node < change.neighbour() => {
                    self.base = rest;
                    return Some(node);
                }
                (Some((&node, rest)), None) => {
                    self.base = rest;
                    return Some(node);
                }
                (base, Some(_)) => {
                    let change = self.changes.next()?;
                    if let Some((_, rest)) = base.filter(|(node, _)| **node == change.neighbour()) {
                        self.base = rest;
                    }
                    if change.is_added() {
                        return Some(change.neighbour());
                    }
                }
                (None, None) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_merged_row_is_skipped_and_counted_as_a_plain_list(
            base in prop::collection::btree_set(0..60u32, 0..40),
            changes in prop::collection::btree_map(0..60u32, any::<bool>(), 0..20),
            from in 0..62u32,
        ) {
            let base: Vec<u32> = base.into_iter().collect();
            let mut expected: BTreeSet<u32> = base.iter().copied().collect();
            let mut merged = SmallVec::new();
            for (node, is_added) in changes {
                merged.push(Change(u64::from(node) << 1 | u64::from(is_added)));
                if is_added {
                    expected.insert(node);
                } else {
                    expected.remove(&node);
                }
            }
            let row = Merged { base: &base, changes: merged.into_iter() };
            let mut merged = Neighbours::from(Row::Merged(row));
            prop_assert_eq!(merged.clone().count(), expected.len());
            merged.advance_to(from);
            let rest: Vec<u32> = expected.range(from..).copied().collect();
            prop_assert_eq!(merged.clone().count(), rest.len());
            prop_assert!(merged.map(NodeIndex::get).eq(rest));
        }
    }
}
