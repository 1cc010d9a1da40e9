//! Changes since a base: for each touched node a chain of entries, newest first, each stamped with
//! its SCN.
//!
//! From its SCN on, an entry adds a neighbour (with a time) or removes it. Entries are 24 bytes in
//! append-only blocks, linked by their numbers. A node's chain begins at its head. A change of a
//! connection is an entry in both ends' chains, so either chain alone decides whether the two are
//! connected.
//!
//! An entry that names the node itself is about the member's existence. "Removed" there cancels
//! everything older, including the base's row. The removal also stands in the chain of each
//! neighbour of that moment. The creation of a member needs no entry: the table of new members
//! holds its SCN.
//!
//! An entry may replace everything older in its chain: a summary (`summary.rs`). Readers that need
//! every change between two SCNs skip summaries.
//!
//! A marker changes nothing in the row. It tells the readers that need every change that the
//! neighbour, or the node itself, was hidden or is hidden no more (`policy_at.rs`).
//!
//! There are two sets of chains. In those of policy, what is said here of a neighbour holds for a
//! key of the node's policy, and an entry that names the node itself says whether it is hidden.
//!
//! **Why readers need no lock.** Everything is an atomic word, written once (entries) or only
//! forward (heads, bits). The one writer fills an entry, stores it as the head (release), sets the
//! node's bit, and publishes the window's SCN (release) last. A reader loads the published SCN
//! first (acquire), and so sees every entry up to it. It may also see entries of later windows, and
//! skips those by their SCN. SCNs fall along a chain, so only its beginning is ever skipped.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use zerocopy::FromZeros;

use crate::{
    memory::{
        large_array::{LargeArray, Purpose},
        read_ahead::read_ahead,
        tiers::Tiers,
    },
    node_index::NodeIndex,
    overlay::summary::{LastWords, Summaries, Summary, own_entry},
};
use cloud_model::{ConnectionTime, Scn};

/// A chain gets a summary when the entries above its last one reach this number, and reach the last
/// summary's length divided by [`SUMMARY_SHARE`].
const SUMMARY_ENTRIES_MIN: usize = 512;
const SUMMARY_SHARE: usize = 8;
/// Chains get no summary when fewer entries than this can still be appended: each summary takes
/// one.
const SUMMARY_ROOM_MIN: u32 = 1 << 30;
/// The appends to a chain after which its length is checked. Nodes that share a counter are counted
/// together.
const APPENDS_BETWEEN_LOOKS: u32 = 256;
/// The number of counters of appends, as a power of two. A hash of the node selects one.
const COUNTER_BITS: u32 = 14;

/// The chains of all nodes.
pub(crate) struct Chains {
    /// A bit for each node of the base that has a chain. A traversal checks only this for the
    /// others.
    touched: LargeArray<AtomicU64>,
    base_nodes: u32,
    /// A bit for each node of the base that has an entry about itself.
    existence: LargeArray<AtomicU64>,
    /// A bit for each new member that has an entry about itself.
    new_existence: Tiers<AtomicU64>,
    /// The number of entries of nodes about themselves. Most overlays have none.
    existence_count: AtomicU32,
    /// The newest entry of each node of the base; 0 for none. The system provides a page of it at
    /// the first write.
    base_heads: LargeArray<AtomicU32>,
    /// The newest entry of each new member; 0 for none.
    new_heads: Tiers<AtomicU32>,
    entries: Tiers<Entry>,
    /// The number of entries. Entries are numbered from 1.
    entry_count: AtomicU32,
    touched_count: AtomicU32,
    /// The SCN of the newest entry.
    last_change: AtomicU64,
    summaries: Summaries,
    /// The appends since a chain's length was last checked.
    appends: LargeArray<AtomicU32>,
}

#[derive(FromZeros)]
#[repr(C)]
struct Entry {
    neighbour: AtomicU32,
    previous: AtomicU32,
    scn: AtomicU64,
    stamp: AtomicU64,
}

/// The content of an entry: added with a value, or removed. The value takes the upper 62 bits: the
/// time of a connection, or what `policy_at.rs` states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    pub(crate) const REMOVED: Stamp = Stamp(0);
    /// The stamp of a marker.
    pub(crate) const MARKER: Stamp = Stamp(3);

    pub(crate) fn added(time: ConnectionTime) -> Self {
        Self::of_value(time.millis())
    }

    /// Returns the stamp that adds with a value below 2^62.
    pub(crate) fn of_value(value: u64) -> Self {
        debug_assert!(value < 1 << 62, "the value takes 62 bits");
        Self(value << 2 | 1)
    }

    pub(crate) fn is_added(self) -> bool {
        self.0 & 3 == 1
    }

    pub(crate) fn time(self) -> ConnectionTime {
        ConnectionTime::from_millis(self.0 >> 2)
    }

    /// Returns the value, if the stamp adds.
    pub(crate) fn value(self) -> Option<u64> {
        self.is_added().then_some(self.0 >> 2)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Returns the stamp of a summary's entry, which holds the place of the summary.
    fn summary(place: u32) -> Self {
        Self(u64::from(place) << 2 | 2)
    }

    fn place_of_summary(self) -> Option<u32> {
        (self.0 & 3 == 2).then_some((self.0 >> 2) as u32)
    }

    /// Reads a stamp of a neighbour. `None` for bits that are not one.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        (bits & 3 == 1 || bits == 0).then_some(Self(bits))
    }
}

/// One entry of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) neighbour: u32,
    pub(crate) scn: u64,
    pub(crate) stamp: Stamp,
}

/// A node's entries at or below an SCN, newest first, without summaries. As an iterator, it has
/// markers too.
#[derive(Clone)]
pub(crate) struct Chain<'a> {
    chains: &'a Chains,
    next: u32,
    scn: u64,
}

/// The next item of a chain.
pub(crate) enum Step {
    Link(Link),
    /// The sum of this and all older entries.
    Summary(Arc<Summary>),
}

impl Chain<'_> {
    /// Returns the next entry that is no marker, or a summary of it and all older ones. A summary
    /// is the last item.
    pub(crate) fn step(&mut self) -> Option<Step> {
        loop {
            let link = self.next_entry()?;
            if link.stamp == Stamp::MARKER {
                continue;
            }
            let Some(place) = link.stamp.place_of_summary() else {
                return Some(Step::Link(link));
            };
            if let Some(summary) = self.chains.summaries.get(place, Scn::new(self.scn)) {
                return Some(Step::Summary(summary));
            }
        }
    }

    fn next_entry(&mut self) -> Option<Link> {
        while self.next != 0 {
            let entry = self.chains.entries.get(self.next)?;
            self.next = entry.previous.load(Ordering::Relaxed);
            let scn = entry.scn.load(Ordering::Relaxed);
            if scn <= self.scn {
                let neighbour = entry.neighbour.load(Ordering::Relaxed);
                return Some(Link {
                    neighbour,
                    scn,
                    stamp: Stamp(entry.stamp.load(Ordering::Relaxed)),
                });
            }
        }
        None
    }
}

impl Iterator for Chain<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        loop {
            let link = self.next_entry()?;
            if link.stamp.place_of_summary().is_none() {
                return Some(link);
            }
        }
    }
}

impl Chains {
    pub(crate) fn new(base_nodes: u32) -> Self {
        let words = (base_nodes as usize).div_ceil(64);
        Self {
            touched: LargeArray::zeroed(Purpose::Overlay, words),
            base_nodes,
            existence: LargeArray::zeroed(Purpose::Overlay, words),
            new_existence: Tiers::new(Purpose::Overlay),
            existence_count: AtomicU32::new(0),
            base_heads: LargeArray::zeroed(Purpose::Overlay, base_nodes as usize),
            new_heads: Tiers::new(Purpose::Overlay),
            entries: Tiers::new(Purpose::Overlay),
            entry_count: AtomicU32::new(0),
            touched_count: AtomicU32::new(0),
            last_change: AtomicU64::new(0),
            summaries: Summaries::new(),
            appends: LargeArray::zeroed(Purpose::Overlay, 1 << COUNTER_BITS),
        }
    }

    /// Returns whether the node may have a chain. New members always count as touched.
    #[inline]
    pub(crate) fn is_touched(&self, node: NodeIndex) -> bool {
        match self.touched.get(node.index() / 64) {
            Some(word) if node.get() < self.base_nodes => {
                word.load(Ordering::Relaxed) >> (node.get() % 64) & 1 == 1
            }
            _ => true,
        }
    }

    /// Prefetches the bit of a node of the base.
    #[inline]
    pub(crate) fn read_ahead(&self, node: NodeIndex) {
        read_ahead(&self.touched, node.index() / 64);
    }

    /// Prefetches the head of the chain of a node of the base.
    #[inline]
    pub(crate) fn read_head_ahead(&self, node: NodeIndex) {
        read_ahead(&self.base_heads, node.index());
    }

    /// Returns the node's entries at or below `scn`, newest first.
    pub(crate) fn chain(&self, node: NodeIndex, scn: Scn) -> Chain<'_> {
        Chain {
            chains: self,
            next: self.head(node),
            scn: scn.get(),
        }
    }

    /// Returns whether the node has an entry above `after` and not above `through`.
    pub(crate) fn changed_between(&self, node: NodeIndex, after: Scn, through: Scn) -> bool {
        self.is_touched(node)
            && self
                .chain(node, through)
                .next()
                .is_some_and(|link| link.scn > after.get())
    }

    /// Returns the SCN of the newest entry, which is published or about to be.
    pub(crate) fn last_change(&self) -> Scn {
        Scn::new(self.last_change.load(Ordering::Relaxed))
    }

    /// Returns whether the node has an entry about itself, at some SCN: the member was removed or
    /// came back, or, in the chains of policy, was hidden.
    #[inline]
    pub(crate) fn has_own_entries(&self, node: NodeIndex) -> bool {
        if self.existence_count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let (word, bit) = match node.get().checked_sub(self.base_nodes) {
            None => (self.existence.get(node.index() / 64), node.get() % 64),
            Some(ordinal) => (self.new_existence.get(ordinal / 64), ordinal % 64),
        };
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> bit & 1 == 1)
    }

    /// Returns whether there is a node that has an entry about itself.
    pub(crate) fn has_any_own_entry(&self) -> bool {
        self.existence_count.load(Ordering::Relaxed) > 0
    }

    /// Returns the number of nodes of the base below these chains.
    pub(crate) fn base_nodes(&self) -> u32 {
        self.base_nodes
    }

    /// Returns the number of entries that can still be appended.
    pub(crate) fn room(&self) -> u32 {
        u32::MAX - 1 - self.entry_count()
    }

    /// Appends an entry to a node's chain. Only the one writer calls this, after checking that
    /// there is room.
    pub(crate) fn append(&self, node: NodeIndex, neighbour: NodeIndex, scn: Scn, stamp: Stamp) {
        self.append_entry(node, neighbour, scn, stamp);
        if neighbour == node && stamp != Stamp::MARKER {
            let (word, bit) = match node.get().checked_sub(self.base_nodes) {
                None => (&self.existence[node.index() / 64], node.get() % 64),
                Some(ordinal) => (
                    self.new_existence.get_or_allocate(ordinal / 64),
                    ordinal % 64,
                ),
            };
            set_bit(word, bit);
            let count = self.existence_count.load(Ordering::Relaxed);
            self.existence_count
                .store(count.saturating_add(1), Ordering::Relaxed);
        }
        let hash = node.get().wrapping_mul(0x9E37_79B1) >> (32 - COUNTER_BITS);
        let appends = &self.appends[hash as usize];
        let count = appends.load(Ordering::Relaxed) + 1;
        if count < APPENDS_BETWEEN_LOOKS {
            appends.store(count, Ordering::Relaxed);
        } else {
            appends.store(0, Ordering::Relaxed);
            self.summarise_if_long(node, scn);
        }
    }

    /// Gives a chain a summary when it has grown long above its last one. The check costs a step
    /// for each entry above it, and runs once for [`APPENDS_BETWEEN_LOOKS`] appends. That is O(1)
    /// an append, until summaries are as long as the rows of hubs; then about ten steps.
    fn summarise_if_long(&self, node: NodeIndex, scn: Scn) {
        let (mut entries, mut place, mut length) = (0, None, 0);
        let mut chain = self.chain(node, scn);
        while let Some(link) = chain.next_entry() {
            place = link.stamp.place_of_summary();
            if let Some(place) = place {
                let summary = self.summaries.get(place, scn);
                length = summary.map_or(0, |summary| summary.words().len());
                break;
            }
            entries += 1;
        }
        let is_long = entries >= SUMMARY_ENTRIES_MIN.max(length / SUMMARY_SHARE);
        if !is_long || self.room() < SUMMARY_ROOM_MIN {
            return;
        }
        if let Some(place) = place.or_else(|| self.summaries.new_place()) {
            let last = LastWords::of(node, self.chain(node, scn));
            let existence = self
                .has_own_entries(node)
                .then(|| own_entry(node, self.chain(node, scn)));
            let summary = Summary::new(scn, last, existence.flatten());
            self.summaries.put(place, summary);
            self.append_entry(node, node, scn, Stamp::summary(place));
        }
    }

    fn append_entry(&self, node: NodeIndex, neighbour: NodeIndex, scn: Scn, stamp: Stamp) {
        let number = self.entry_count.load(Ordering::Relaxed) + 1;
        let head = self.head_to_store(node);
        // Reading an unwritten page maps the zero page that all processes share. Replacing it at
        // the first write makes the system interrupt the other cores. (Bench: "GetDegrees with
        // 10,000 changes/s", during a compaction.)
        let previous = match self.is_touched(node) {
            true => head.load(Ordering::Relaxed),
            false => 0,
        };
        let entry = self.entries.get_or_allocate(number);
        entry.neighbour.store(neighbour.get(), Ordering::Relaxed);
        entry.previous.store(previous, Ordering::Relaxed);
        entry.scn.store(scn.get(), Ordering::Relaxed);
        entry.stamp.store(stamp.0, Ordering::Relaxed);
        self.entry_count.store(number, Ordering::Relaxed);
        self.last_change.store(scn.get(), Ordering::Relaxed);
        head.store(number, Ordering::Release);
        if previous == 0 {
            let touched = self.touched_count.load(Ordering::Relaxed);
            self.touched_count.store(touched + 1, Ordering::Relaxed);
            if let Some(word) = self
                .touched
                .get(node.index() / 64)
                .filter(|_| node.get() < self.base_nodes)
            {
                set_bit(word, node.get() % 64);
            }
        }
    }

    pub(crate) fn entry_count(&self) -> u32 {
        self.entry_count.load(Ordering::Relaxed)
    }

    pub(crate) fn touched_count(&self) -> u32 {
        self.touched_count.load(Ordering::Relaxed)
    }

    /// Returns an upper bound of the memory in use, if so many members are new. Arrays by node
    /// count with the pages in which touched nodes may lie.
    pub(crate) fn bytes(&self, new_members: u32) -> u64 {
        let touched = self.touched_count();
        let existing = self.existence_count.load(Ordering::Relaxed);
        let by_node = written(&self.touched, touched)
            + written(&self.base_heads, touched)
            + written(&self.existence, existing);
        let grown = self.entries.bytes(self.entry_count() + 1)
            + self.new_heads.bytes(new_members)
            + self.new_existence.bytes(new_members.div_ceil(64));
        by_node + grown + self.summaries.bytes() + self.appends.bytes() as u64
    }

    #[inline]
    fn head(&self, node: NodeIndex) -> u32 {
        let head = match node.get().checked_sub(self.base_nodes) {
            None => self.base_heads.get(node.index()),
            Some(ordinal) => self.new_heads.get(ordinal),
        };
        head.map_or(0, |head| head.load(Ordering::Acquire))
    }

    fn head_to_store(&self, node: NodeIndex) -> &AtomicU32 {
        match node.get().checked_sub(self.base_nodes) {
            None => &self.base_heads[node.index()],
            Some(ordinal) => self.new_heads.get_or_allocate(ordinal),
        }
    }
}

/// Returns an upper bound of the memory in use after so many writes at any places of the array.
fn written<T>(array: &LargeArray<T>, writes: u32) -> u64 {
    let pages = u64::from(writes) * array.page_bytes() as u64;
    pages.min(array.bytes() as u64)
}

/// Sets a bit. One thread changes the word, so load and store are enough. An atomic OR
/// would wait for the previous store of the head, which misses the cache. (Bench: "changes applied
/// per second in the engine".)
fn set_bit(word: &AtomicU64, bit: u32) {
    let bits = word.load(Ordering::Relaxed) | 1 << bit;
    word.store(bits, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_keep_their_times() {
        for time in [
            ConnectionTime::UNKNOWN,
            ConnectionTime::from_millis(1),
            ConnectionTime::MAX,
        ] {
            let stamp = Stamp::added(time);
            assert!(stamp.is_added());
            assert_eq!(stamp.time(), time);
            assert_eq!(Stamp::from_bits(stamp.bits()), Some(stamp));
        }
        assert_eq!(Stamp::from_bits(0), Some(Stamp::REMOVED));
        assert_eq!(Stamp::from_bits(2), None);
        assert_eq!(Stamp::from_bits(3), None);
        assert_eq!(Stamp::from_bits(4), None);
    }

    #[test]
    fn a_long_chain_is_read_to_its_summary_and_its_history_to_the_end() {
        let chains = Chains::new(100_000);
        let hub = NodeIndex::new(7);
        let neighbour = |change: u64| NodeIndex::new((change * 31 % 20_000) as u32 + 8);
        for change in 1..=60_000 {
            chains.append(hub, neighbour(change), Scn::new(change), Stamp::REMOVED);
            if change % 997 == 0 {
                let mut chain = chains.chain(hub, Scn::new(change));
                let (mut steps, mut length) = (0, 0);
                while let Some(step) = chain.step() {
                    match step {
                        Step::Link(_) => steps += 1,
                        Step::Summary(summary) => {
                            length = summary.words().len();
                            break;
                        }
                    }
                }
                let most = SUMMARY_ENTRIES_MIN.max(length / SUMMARY_SHARE);
                assert!(
                    steps < most + APPENDS_BETWEEN_LOOKS as usize,
                    "{steps} at {change}"
                );
            }
        }
        let history = chains.chain(hub, Scn::new(60_000)).map(|link| link.scn);
        assert!(history.eq((1..=60_000).rev()));
        let last = LastWords::of(hub, chains.chain(hub, Scn::new(60_000)));
        assert_eq!(last.words.len(), 20_000);
        // No reader uses SCNs that old, but the answer would be right.
        let last = LastWords::of(hub, chains.chain(hub, Scn::new(100)));
        assert_eq!(last.words.len(), 100);
        assert!(chains.summaries.bytes() < 3 * 20_000 * 16);
    }

    #[test]
    fn chains_are_read_as_of_an_scn() {
        let chains = Chains::new(2);
        let (one, other) = (NodeIndex::new(0), NodeIndex::new(70_000));
        assert!(!chains.is_touched(one));
        assert!(chains.is_touched(other));
        for scn in [3, 5, 9] {
            chains.append(one, other, Scn::new(scn), Stamp::REMOVED);
        }
        assert!(chains.is_touched(one));
        assert!(!chains.is_touched(NodeIndex::new(1)));
        let scns = |scn| {
            chains
                .chain(one, Scn::new(scn))
                .map(|link| link.scn)
                .collect::<Vec<_>>()
        };
        assert!(scns(2).is_empty());
        assert_eq!(scns(5), [5, 3]);
        assert_eq!(scns(100), [9, 5, 3]);
        let changed =
            |after, through| chains.changed_between(one, Scn::new(after), Scn::new(through));
        assert!(changed(0, 3) && changed(5, 100) && changed(4, 6));
        assert!(!changed(3, 4) && !changed(9, 100) && !changed(0, 2));
    }
}
