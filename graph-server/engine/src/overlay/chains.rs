//! What changed since the base: for each touched node a chain of entries, newest first, each stamped with its SCN.
//!
//! An entry says that from its SCN on a neighbour is there (since a time) or is not. Entries are 24 bytes in append-only
//! blocks, linked by their numbers; a node's chain begins at its head. A connection's change is an entry in both ends' chains,
//! so either chain alone tells whether two are connected.
//!
//! An entry that names the node itself is about the member's existence. "Removed" there means that nothing older counts, the
//! base's row included; the removal also stands in the chain of each neighbour of that moment. That a member was created needs
//! no entry: the table of new members holds the SCN.
//!
//! An entry may stand for everything older in its chain: a summary, see `summary.rs`. Who follows what happened between two SCNs
//! passes over it.
//!
//! **Why readers need no lock.** Everything is an atomic word, written once (entries) or only forward (heads, bits). The one
//! writer fills an entry, stores it as the head (release), sets the node's bit, and publishes the window's SCN (release) last.
//! A reader loads the published SCN first (acquire) and so sees every entry up to it; entries of later windows, which it may or
//! may not see, it skips by their SCN. SCNs fall along a chain, so skipping is only ever at its beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use zerocopy::FromZeros;

use crate::{
    files::{
        lazy_array::{LazyArray, zeroed},
        read_ahead::read_ahead,
    },
    node_index::NodeIndex,
    overlay::{
        new_members::NewMembers,
        summary::{LastWords, Summaries, Summary, existence},
    },
};
use cloud_model::{ConnectionTime, Scn};

/// Entries that a chain has at least above its last summary before it gets one, and the share of the summary's own length.
const SUMMARY_ENTRIES_MIN: usize = 512;
const SUMMARY_SHARE: usize = 8;
/// Chains get none when fewer entries than this can still be appended: each takes one.
const SUMMARY_ROOM_MIN: u32 = 1 << 30;
/// A chain is looked at when so many entries were appended to it, or to those whose nodes share its counter.
const APPENDS_BETWEEN_LOOKS: u32 = 256;
/// Counters of appends by a hash of the node.
const COUNTER_BITS: u32 = 14;

/// What the system backs zeroed memory by.
const PAGE_BYTES: u64 = 4096;

/// The changes of one version.
pub(crate) struct Overlay {
    /// A bit for each node of the base that has a chain: all that a traversal checks for the others.
    touched: Box<[AtomicU64]>,
    base_nodes: u32,
    /// By node, a bit for those that have an entry about themselves.
    existence: LazyArray<AtomicU64>,
    /// By node of the base, the newest entry; 0: none. Zeroed memory that the system backs when it is first written.
    base_heads: Box<[AtomicU32]>,
    /// The same by new member.
    new_heads: LazyArray<AtomicU32>,
    entries: LazyArray<Entry>,
    /// Entries are numbered from 1.
    entry_count: AtomicU32,
    touched_count: AtomicU32,
    /// The SCN of the newest entry.
    last_change: AtomicU64,
    pub(crate) new_members: NewMembers,
    summaries: Summaries,
    /// Appends since a chain was last looked at.
    appends: Box<[AtomicU32]>,
}

#[derive(FromZeros)]
#[repr(C)]
struct Entry {
    neighbour: AtomicU32,
    previous: AtomicU32,
    scn: AtomicU64,
    stamp: AtomicU64,
}

/// What an entry says: added since a time, or removed. Time in the upper 62 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    pub(crate) const REMOVED: Stamp = Stamp(0);

    pub(crate) fn added(time: ConnectionTime) -> Self {
        Self(time.millis() << 2 | 1)
    }

    pub(crate) fn is_added(self) -> bool {
        self.0 & 1 == 1
    }

    pub(crate) fn time(self) -> ConnectionTime {
        ConnectionTime::from_millis(self.0 >> 2)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Of an entry that stands for all that are older: where the summary is.
    fn summary(place: u32) -> Self {
        Self(u64::from(place) << 2 | 2)
    }

    fn place_of_summary(self) -> Option<u32> {
        (self.0 & 3 == 2).then_some((self.0 >> 2) as u32)
    }

    /// `None` for bits that no stamp of a neighbour has.
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

/// A node's entries at or below an SCN, newest first; summaries are passed over.
#[derive(Clone)]
pub(crate) struct Chain<'a> {
    overlay: &'a Overlay,
    next: u32,
    scn: u64,
}

/// What comes next in a chain.
pub(crate) enum Step {
    Link(Link),
    /// What all that are older come to.
    Summary(Arc<Summary>),
}

impl Chain<'_> {
    /// The next entry, or what it and all older ones come to: then nothing further counts.
    pub(crate) fn step(&mut self) -> Option<Step> {
        loop {
            let link = self.next_entry()?;
            let Some(place) = link.stamp.place_of_summary() else {
                return Some(Step::Link(link));
            };
            if let Some(summary) = self.overlay.summaries.get(place, Scn::new(self.scn)) {
                return Some(Step::Summary(summary));
            }
        }
    }

    fn next_entry(&mut self) -> Option<Link> {
        while self.next != 0 {
            let entry = self.overlay.entries.get(self.next)?;
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

impl Overlay {
    pub(crate) fn new(base_nodes: u32) -> Self {
        let words = (base_nodes as usize).div_ceil(64);
        Self {
            touched: zeroed(words),
            base_nodes,
            existence: LazyArray::new(),
            base_heads: zeroed(base_nodes as usize),
            new_heads: LazyArray::new(),
            entries: LazyArray::new(),
            entry_count: AtomicU32::new(0),
            touched_count: AtomicU32::new(0),
            last_change: AtomicU64::new(0),
            new_members: NewMembers::new(),
            summaries: Summaries::new(),
            appends: zeroed(1 << COUNTER_BITS),
        }
    }

    /// Whether the node may have a chain. New members are always taken to have one.
    #[inline]
    pub(crate) fn is_touched(&self, node: NodeIndex) -> bool {
        match self.touched.get(node.index() / 64) {
            Some(word) if node.get() < self.base_nodes => {
                word.load(Ordering::Relaxed) >> (node.get() % 64) & 1 == 1
            }
            _ => true,
        }
    }

    /// Asks for the bit of a node of the base.
    #[inline]
    pub(crate) fn read_ahead(&self, node: NodeIndex) {
        read_ahead(&self.touched, node.index() / 64);
    }

    /// Asks for where the chain of a node of the base begins.
    #[inline]
    pub(crate) fn read_head_ahead(&self, node: NodeIndex) {
        read_ahead(&self.base_heads, node.index());
    }

    /// The node's entries at or below `scn`, newest first.
    pub(crate) fn chain(&self, node: NodeIndex, scn: Scn) -> Chain<'_> {
        Chain {
            overlay: self,
            next: self.head(node),
            scn: scn.get(),
        }
    }

    /// Whether the node has an entry above `after` and not above `through`.
    pub(crate) fn changed_between(&self, node: NodeIndex, after: Scn, through: Scn) -> bool {
        self.is_touched(node)
            && self
                .chain(node, through)
                .next()
                .is_some_and(|link| link.scn > after.get())
    }

    /// The SCN of the newest entry that has been published, or that is about to be.
    pub(crate) fn last_change(&self) -> Scn {
        Scn::new(self.last_change.load(Ordering::Relaxed))
    }

    /// Whether the member was removed, or came back, at some SCN.
    #[inline]
    pub(crate) fn has_existence_entries(&self, node: NodeIndex) -> bool {
        let word = self.existence.get(node.get() / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (node.get() % 64) & 1 == 1)
    }

    /// How many nodes the base has that this stands on.
    pub(crate) fn base_nodes(&self) -> u32 {
        self.base_nodes
    }

    /// Entries that can still be appended.
    pub(crate) fn room(&self) -> u32 {
        u32::MAX - 1 - self.entry_count()
    }

    /// Appends an entry to a node's chain. For the one writer, which has checked that there is room.
    pub(crate) fn append(&self, node: NodeIndex, neighbour: NodeIndex, scn: Scn, stamp: Stamp) {
        self.append_entry(node, neighbour, scn, stamp);
        if neighbour == node {
            let word = self.existence.get_or_allocate(node.get() / 64);
            set_bit(word, node);
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

    /// Gives a chain a summary when it has grown long above its last one. A look costs a step for each entry above it, and there
    /// is one for so many appends: O(1) an append, until summaries are as long as the rows of hubs; then some ten steps.
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
                .has_existence_entries(node)
                .then(|| existence(node, self.chain(node, scn)));
            let summary = Summary::new(scn, last, existence.flatten());
            self.summaries.put(place, summary);
            self.append_entry(node, node, scn, Stamp::summary(place));
        }
    }

    fn append_entry(&self, node: NodeIndex, neighbour: NodeIndex, scn: Scn, stamp: Stamp) {
        let number = self.entry_count.load(Ordering::Relaxed) + 1;
        let head = self.head_to_store(node);
        // A page that is read first is one of zeros that all share, and to take it away again at the first write, the system
        // interrupts the other cores. (Bench: "GetDegrees with 10,000 changes/s", during a compaction.)
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
                set_bit(word, node);
            }
        }
    }

    pub(crate) fn entry_count(&self) -> u32 {
        self.entry_count.load(Ordering::Relaxed)
    }

    pub(crate) fn touched_count(&self) -> u32 {
        self.touched_count.load(Ordering::Relaxed)
    }

    /// Memory in use, at most: of the heads of base nodes the pages that touched nodes may lie in.
    pub(crate) fn bytes(&self) -> u64 {
        let arrays = self.existence.bytes() + self.new_heads.bytes() + self.entries.bytes();
        let base_heads = std::mem::size_of_val(&*self.base_heads) as u64;
        let heads = base_heads.min(u64::from(self.touched_count()) * PAGE_BYTES);
        let touched = std::mem::size_of_val(&*self.touched) as u64;
        let summaries = self.summaries.bytes() + std::mem::size_of_val(&*self.appends) as u64;
        arrays + heads + touched + self.new_members.bytes() + summaries
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

/// One thread changes the word, so load and store are enough. Adding the bit in one step would wait for the store of the head before,
/// which misses the cache. (Bench: "changes applied per second in the engine".)
fn set_bit(word: &AtomicU64, node: NodeIndex) {
    let bits = word.load(Ordering::Relaxed) | 1 << (node.get() % 64);
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
        let overlay = Overlay::new(100_000);
        let hub = NodeIndex::new(7);
        let neighbour = |change: u64| NodeIndex::new((change * 31 % 20_000) as u32 + 8);
        for change in 1..=60_000 {
            overlay.append(hub, neighbour(change), Scn::new(change), Stamp::REMOVED);
            if change % 997 == 0 {
                let mut chain = overlay.chain(hub, Scn::new(change));
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
        let history = overlay.chain(hub, Scn::new(60_000)).map(|link| link.scn);
        assert!(history.eq((1..=60_000).rev()));
        let last = LastWords::of(hub, overlay.chain(hub, Scn::new(60_000)));
        assert_eq!(last.words.len(), 20_000);
        // Nobody asks about SCNs that old any more, but it would be right.
        let last = LastWords::of(hub, overlay.chain(hub, Scn::new(100)));
        assert_eq!(last.words.len(), 100);
        assert!(overlay.summaries.bytes() < 3 * 20_000 * 16);
    }

    #[test]
    fn chains_are_read_as_of_an_scn() {
        let overlay = Overlay::new(2);
        let (one, other) = (NodeIndex::new(0), NodeIndex::new(70_000));
        assert!(!overlay.is_touched(one));
        assert!(overlay.is_touched(other));
        for scn in [3, 5, 9] {
            overlay.append(one, other, Scn::new(scn), Stamp::REMOVED);
        }
        assert!(overlay.is_touched(one));
        assert!(!overlay.is_touched(NodeIndex::new(1)));
        let scns = |scn| {
            overlay
                .chain(one, Scn::new(scn))
                .map(|link| link.scn)
                .collect::<Vec<_>>()
        };
        assert!(scns(2).is_empty());
        assert_eq!(scns(5), [5, 3]);
        assert_eq!(scns(100), [9, 5, 3]);
        let changed =
            |after, through| overlay.changed_between(one, Scn::new(after), Scn::new(through));
        assert!(changed(0, 3) && changed(5, 100) && changed(4, 6));
        assert!(!changed(3, 4) && !changed(9, 100) && !changed(0, 2));
    }
}
