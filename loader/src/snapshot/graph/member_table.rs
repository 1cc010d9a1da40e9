//! The members of a site in ascending order of their ids: the rank of a member is its node index.
//!
//! - Ids without gaps need no search.
//! - Ids with few gaps are marked in a bitmap that counts the marks before each word. For 22
//!   million members it takes 4 MB, which fits a core's cache.
//! - Other ids are found through an array over their high bits, with about one entry per member. An
//!   entry says where in the order the ids with these bits begin. Ids that are spread evenly take
//!   two memory accesses; no id takes more than a binary search.

use cloud_engine::{LargeArray, Purpose};
use zerocopy::FromZeros;

/// The largest number of members. It is the limit of a search index; a graph could have more.
pub(crate) const MEMBERS_MAX: usize = cloud_search::NODES_MAX as usize;

/// The largest number of bits of the bitmap per member. They take 6 bytes with the counts.
const MARKS_PER_MEMBER_MAX: u64 = 32;

/// Ascending ids and a way to find one.
#[derive(Debug)]
pub(crate) struct MemberTable {
    ids: Vec<u64>,
    lookup: Lookup,
}

#[derive(Debug)]
enum Lookup {
    /// The ids are `first`, `first + 1` and so on.
    Dense { first: u64 },
    /// The ids are marked by their distance from `first`.
    Marked {
        first: u64,
        words: LargeArray<MarkedWord>,
    },
    /// The ids with the same bits above `shift` (counted from `first`) are at
    /// `starts[bits]..starts[bits + 1]`.
    ByHighBits {
        first: u64,
        shift: u32,
        starts: LargeArray<u32>,
    },
}

/// 64 marks and the number of marks before them: 12 bytes, side by side.
#[derive(Debug, Clone, Copy, FromZeros)]
struct MarkedWord {
    marks: [u32; 2],
    before: u32,
}

impl MemberTable {
    /// Makes a table of strictly ascending ids, at most [`MEMBERS_MAX`].
    pub(crate) fn new(ids: Vec<u64>) -> Self {
        assert!(ids.len() <= MEMBERS_MAX, "too many were refused");
        debug_assert!(ids.is_sorted_by(|one, other| one < other), "ids ascend");
        let (first, last) = (
            ids.first().copied().unwrap_or(0),
            ids.last().copied().unwrap_or(0),
        );
        let span = last - first;
        let lookup = if span == (ids.len() as u64).saturating_sub(1) {
            Lookup::Dense { first }
        } else if span / MARKS_PER_MEMBER_MAX < ids.len() as u64 {
            Lookup::Marked {
                first,
                words: marked_words(&ids, first, span),
            }
        } else {
            let shift = (u64::BITS - span.leading_zeros()).saturating_sub(ids.len().ilog2() + 1);
            Lookup::ByHighBits {
                first,
                shift,
                starts: starts(&ids, first, (span >> shift) as usize + 1, shift),
            }
        };
        Self { ids, lookup }
    }

    pub(crate) fn into_ids(self) -> Vec<u64> {
        self.ids
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Writes the node indexes of both ends of each connection into `ranks`.
    ///
    /// Where a look-up takes two memory accesses, all first accesses are started before the second
    /// ones. So the processor waits for several at a time.
    pub(crate) fn ranks(&self, ends: &[[u64; 2]], ranks: &mut Vec<[Option<u32>; 2]>) {
        ranks.clear();
        let Lookup::ByHighBits {
            first,
            shift,
            starts,
        } = &self.lookup
        else {
            ranks.extend(ends.iter().map(|ends| ends.map(|id| self.rank(id))));
            return;
        };
        // First the position where the ids with the same high bits begin; then the position of the
        // id among them. There are one or two of them as a rule.
        let start = |id: u64| {
            starts
                .get((id.checked_sub(*first)? >> shift) as usize)
                .copied()
        };
        ranks.extend(ends.iter().map(|ends| ends.map(start)));
        for (ranks, ends) in ranks.iter_mut().zip(ends) {
            for (rank, &id) in ranks.iter_mut().zip(ends) {
                let stands_at = |at: u32| self.ids.get(at as usize) == Some(&id);
                *rank = match *rank {
                    Some(start) if stands_at(start) => Some(start),
                    Some(start) if stands_at(start + 1) => Some(start + 1),
                    _ => self.rank(id),
                };
            }
        }
    }

    /// Returns the node index of a member.
    #[inline]
    pub(crate) fn rank(&self, id: u64) -> Option<u32> {
        match &self.lookup {
            Lookup::Dense { first } => {
                let rank = id.checked_sub(*first)?;
                (rank < self.ids.len() as u64).then_some(rank as u32)
            }
            Lookup::Marked { first, words } => {
                let offset = id.checked_sub(*first)?;
                let word = words.get((offset / 64) as usize)?;
                let marks = word.marks();
                let mark = 1 << (offset % 64);
                (marks & mark != 0).then(|| word.before + (marks & (mark - 1)).count_ones())
            }
            Lookup::ByHighBits {
                first,
                shift,
                starts,
            } => {
                let bits = (id.checked_sub(*first)? >> shift) as usize;
                let start = *starts.get(bits)?;
                let end = *starts.get(bits + 1)?;
                let candidates = self.ids.get(start as usize..end as usize)?;
                let within = candidates.binary_search(&id).ok()?;
                Some(start + within as u32)
            }
        }
    }
}

impl MarkedWord {
    fn marks(self) -> u64 {
        u64::from(self.marks[1]) << 32 | u64::from(self.marks[0])
    }
}

fn marked_words(ids: &[u64], first: u64, span: u64) -> LargeArray<MarkedWord> {
    let mut words = LargeArray::<MarkedWord>::zeroed(Purpose::Build, (span / 64 + 1) as usize);
    for id in ids {
        let offset = id - first;
        let half = (offset / 32 % 2) as usize;
        if let Some(half) = words
            .get_mut((offset / 64) as usize)
            .and_then(|word| word.marks.get_mut(half))
        {
            *half |= 1 << (offset % 32);
        }
    }
    let mut before = 0;
    for word in &mut *words {
        word.before = before;
        before += word.marks().count_ones();
    }
    words
}

fn starts(ids: &[u64], first: u64, buckets: usize, shift: u32) -> LargeArray<u32> {
    let mut starts = LargeArray::<u32>::zeroed(Purpose::Build, buckets + 1);
    let mut begun = 0;
    for (rank, id) in ids.iter().enumerate() {
        let bits = ((id - first) >> shift) as usize;
        while begun <= bits {
            starts[begun] = rank as u32;
            begun += 1;
        }
    }
    starts[begun..].fill(ids.len() as u32);
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(mut ids: Vec<u64>) {
        ids.sort_unstable();
        ids.dedup();
        let table = MemberTable::new(ids.clone());
        let near = ids
            .iter()
            .flat_map(|&id| [id.wrapping_sub(1), id, id.wrapping_add(1)]);
        for id in near.chain([0, 1, u64::MAX]) {
            assert_eq!(
                table.rank(id).map(|rank| rank as usize),
                ids.binary_search(&id).ok(),
                "{id} in {ids:?}"
            );
        }
        let ends: Vec<_> = ids.iter().map(|&id| [id, id.wrapping_add(1)]).collect();
        let mut ranks = Vec::new();
        table.ranks(&ends, &mut ranks);
        let expected = ends.iter().map(|ends| ends.map(|id| table.rank(id)));
        assert_eq!(ranks, expected.collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn ranks_equal_a_binary_search(
            wide in prop::collection::vec(1u64.., 0..100),
            narrow in prop::collection::vec(1u64..200, 0..100),
            shift in 0u32..50,
        ) {
            check(wide.clone());
            check(narrow.clone());
            check(narrow.iter().map(|id| id << shift).collect());
            check(wide.into_iter().chain(narrow).collect());
        }
    }

    #[test]
    fn dense_and_extreme_ids_are_found() {
        check((7..400).collect());
        check(vec![]);
        check(vec![u64::MAX]);
        check(vec![1, u64::MAX]);
        check((u64::MAX - 5..=u64::MAX).collect());
    }
}
