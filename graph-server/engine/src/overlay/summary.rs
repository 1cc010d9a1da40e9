//! The summary of a long chain: the last change of each neighbour as of an SCN, where later readers
//! stop.
//!
//! A member who changes all day (a celebrity, a robot) would have a chain longer than the row. Each
//! reader would walk all of it. When a chain has grown long, the writer therefore computes its
//! result, and appends an entry that replaces everything older.
//!
//! A member has one place, which holds the newest summary and the previous one for readers that
//! still use it. Older summaries are freed, so that summaries take no more than a share of the
//! chain's memory. A reader at an SCN older than both walks the chain without a summary.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use arc_swap::ArcSwapOption;

use crate::{
    memory::tiers::{TIERS, tier_length, tier_of},
    node_index::NodeIndex,
    overlay::chains::{Chain, Stamp, Step},
};
use cloud_model::Scn;

/// The last change of one neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastWord {
    pub(crate) neighbour: u32,
    pub(crate) stamp: Stamp,
}

/// The last change of each neighbour in a chain, ascending by neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastWords {
    pub(crate) words: Vec<LastWord>,
    /// Whether the base's row still counts besides.
    pub(crate) base_counts: bool,
}

/// The last changes as of an SCN, stored for later readers.
#[derive(Debug)]
pub(crate) struct Summary {
    scn: Scn,
    last: LastWords,
    /// The last change of the member's own existence.
    existence: Option<Stamp>,
}

/// The remainder of a chain after its newer entries have been visited.
pub(crate) enum Rest {
    /// The base's row.
    Base,
    /// Nothing: the member was removed.
    Nothing,
    /// The summary, and the base's row if [`LastWords::base_counts`].
    Summary(Arc<Summary>),
}

/// Calls `visit` with the changes of neighbours in the newer entries of a chain, newest first.
pub(crate) fn walk_chain(
    node: NodeIndex,
    mut chain: Chain<'_>,
    mut visit: impl FnMut(LastWord),
) -> Rest {
    while let Some(step) = chain.step() {
        match step {
            Step::Summary(summary) => return Rest::Summary(summary),
            Step::Link(link) if link.neighbour != node.get() => visit(LastWord {
                neighbour: link.neighbour,
                stamp: link.stamp,
            }),
            Step::Link(link) if !link.stamp.is_added() => return Rest::Nothing,
            Step::Link(_) => {}
        }
    }
    Rest::Base
}

impl LastWords {
    /// Collects the last changes of the whole chain.
    pub(crate) fn of(node: NodeIndex, chain: Chain<'_>) -> Self {
        let mut words = Vec::new();
        let rest = walk_chain(node, chain, |word| words.push(word));
        // The sort is stable: the newest entry of each neighbour stays first.
        words.sort_by_key(|word| word.neighbour);
        words.dedup_by_key(|word| word.neighbour);
        let base_counts = match rest {
            Rest::Base => true,
            Rest::Nothing => false,
            Rest::Summary(summary) => {
                let older = summary.words().iter().copied();
                words = merged(words, older, |word| word.neighbour).collect();
                summary.base_counts()
            }
        };
        Self { words, base_counts }
    }
}

/// Returns the last entry of a chain about the node itself.
pub(crate) fn own_entry(node: NodeIndex, mut chain: Chain<'_>) -> Option<Stamp> {
    loop {
        match chain.step()? {
            Step::Link(link) if link.neighbour == node.get() => return Some(link.stamp),
            Step::Link(_) => {}
            Step::Summary(summary) => return summary.existence,
        }
    }
}

/// Merges two sequences in order of their neighbours. Where both have one neighbour, the newer
/// wins.
pub(crate) fn merged<T>(
    newer: impl IntoIterator<Item = T>,
    older: impl IntoIterator<Item = T>,
    neighbour: impl Fn(T) -> u32,
) -> impl Iterator<Item = T>
where
    T: Copy,
{
    let (mut newer, mut older) = (newer.into_iter().peekable(), older.into_iter().peekable());
    std::iter::from_fn(move || {
        let Some(next) = newer.peek().map(|word| neighbour(*word)) else {
            return older.next();
        };
        if let Some(word) = older.next_if(|word| neighbour(*word) < next) {
            return Some(word);
        }
        older.next_if(|word| neighbour(*word) == next);
        newer.next()
    })
}

impl Summary {
    pub(crate) fn new(scn: Scn, mut last: LastWords, existence: Option<Stamp>) -> Self {
        last.words.shrink_to_fit();
        Self {
            scn,
            last,
            existence,
        }
    }

    /// Returns the last changes, ascending by neighbour.
    pub(crate) fn words(&self) -> &[LastWord] {
        &self.last.words
    }

    pub(crate) fn base_counts(&self) -> bool {
        self.last.base_counts
    }

    /// Returns the last change of this neighbour.
    pub(crate) fn word(&self, neighbour: NodeIndex) -> Option<Stamp> {
        let words = self.words();
        let place = words.binary_search_by_key(&neighbour.get(), |word| word.neighbour);
        Some(words[place.ok()?].stamp)
    }

    fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.last.words.capacity() * size_of::<LastWord>()) as u64
    }
}

/// The summaries of one overlay, by place. One thread adds, any number read.
pub(crate) struct Summaries {
    /// The places, in tiers that never move.
    tiers: [OnceLock<Box<[Place]>>; TIERS],
    count: AtomicU32,
    bytes: AtomicU64,
}

type Place = ArcSwapOption<[Option<Arc<Summary>>; 2]>;

impl Summaries {
    pub(crate) fn new() -> Self {
        Self {
            tiers: [const { OnceLock::new() }; TIERS],
            count: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Returns the newest summary at this place that is not above `scn`, if it is not freed yet.
    pub(crate) fn get(&self, place: u32, scn: Scn) -> Option<Arc<Summary>> {
        let kept = self.place(place)?.load();
        let kept = kept.as_ref()?.iter().flatten();
        kept.clone().find(|summary| summary.scn <= scn).cloned()
    }

    /// Returns a place for a node that has none. `None` when there is no room left. Only the one
    /// writer calls this.
    pub(crate) fn new_place(&self) -> Option<u32> {
        let place = self.count.load(Ordering::Relaxed);
        let (tier, _) = tier_of(place);
        self.tiers.get(tier)?.get_or_init(|| {
            let places: Box<[Place]> = std::iter::repeat_with(ArcSwapOption::empty)
                .take(tier_length(tier))
                .collect();
            self.add_bytes(size_of_val(&*places) as u64);
            places
        });
        self.count.store(place + 1, Ordering::Relaxed);
        Some(place)
    }

    /// Stores a newer summary at a place, and frees the last but one. Only the one writer calls
    /// this.
    pub(crate) fn put(&self, place: u32, summary: Summary) {
        let Some(at) = self.place(place) else {
            return;
        };
        self.add_bytes(summary.bytes());
        let kept = at.load_full();
        let [before, oldest] = kept.as_deref().cloned().unwrap_or_default();
        let freed = oldest.map_or(0, |oldest| oldest.bytes());
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.bytes.store(bytes - freed, Ordering::Relaxed);
        at.store(Some(Arc::new([Some(Arc::new(summary)), before])));
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn add_bytes(&self, bytes: u64) {
        // One thread adds, so load and store are enough.
        let sum = self.bytes.load(Ordering::Relaxed) + bytes;
        self.bytes.store(sum, Ordering::Relaxed);
    }

    fn place(&self, place: u32) -> Option<&Place> {
        let (tier, within) = tier_of(place);
        self.tiers.get(tier)?.get()?.get(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(scn: u64) -> Summary {
        let last = LastWords {
            words: Vec::new(),
            base_counts: true,
        };
        Summary::new(Scn::new(scn), last, None)
    }

    #[test]
    fn a_place_keeps_the_newest_two() {
        let summaries = Summaries::new();
        let places: Vec<_> = (0..1_000).map(|_| summaries.new_place()).collect();
        assert!(places.iter().copied().eq((0..1_000).map(Some)));
        let found = |scn| {
            summaries
                .get(700, Scn::new(scn))
                .map(|found| found.scn.get())
        };
        assert_eq!(found(9), None);
        let places_alone = summaries.bytes();
        for scn in [3, 5, 9] {
            summaries.put(700, summary(scn));
        }
        assert_eq!(
            [2, 4, 5, 8, 9, 20].map(found),
            [None, None, Some(5), Some(5), Some(9), Some(9)]
        );
        assert_eq!(summaries.bytes(), places_alone + 2 * summary(1).bytes());
        assert!(summaries.get(701, Scn::new(20)).is_none());
        assert!(summaries.get(5_000, Scn::new(20)).is_none());
    }

    #[test]
    fn newer_words_win() {
        let words = |words: &[(u32, bool)]| -> Vec<LastWord> {
            let stamp = |is_added| if is_added { 1 } else { 0 };
            let word = |&(neighbour, is_added): &(u32, bool)| LastWord {
                neighbour,
                stamp: Stamp::from_bits(stamp(is_added)).unwrap_or(Stamp::REMOVED),
            };
            words.iter().map(word).collect()
        };
        let newer = words(&[(2, true), (5, false)]);
        let older = words(&[(1, true), (2, false), (5, true), (9, false)]);
        let expected = words(&[(1, true), (2, true), (5, false), (9, false)]);
        let check = |newer: &[LastWord], older: &[LastWord], expected: &[LastWord]| {
            let (newer, older) = (newer.iter().copied(), older.iter().copied());
            assert!(merged(newer, older, |word| word.neighbour).eq(expected.iter().copied()));
        };
        check(&newer, &older, &expected);
        check(&newer, &[], &newer);
        check(&[], &older, &older);
    }
}
