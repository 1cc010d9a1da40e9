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
//! **Why readers need no lock.** Everything is an atomic word, written once (entries) or only forward (heads, bits). The one
//! writer fills an entry, stores it as the head (release), sets the node's bit, and publishes the window's SCN (release) last.
//! A reader loads the published SCN first (acquire) and so sees every entry up to it; entries of later windows, which it may or
//! may not see, it skips by their SCN. SCNs fall along a chain, so skipping is only ever at its beginning.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use zerocopy::FromZeros;

use crate::ids::{ConnectionTime, NodeIndex, Scn};
use crate::lazy_array::{LazyArray, zeroed};
use crate::new_members::NewMembers;
use crate::read_ahead::read_ahead;

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

    /// `None` for bits that no stamp has.
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

/// A node's entries at or below an SCN, newest first.
pub(crate) struct Chain<'a> {
    entries: &'a LazyArray<Entry>,
    next: u32,
    scn: u64,
}

impl Iterator for Chain<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        while self.next != 0 {
            let entry = self.entries.get(self.next)?;
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
            entries: &self.entries,
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
        let number = self.entry_count.load(Ordering::Relaxed) + 1;
        let head = self.head_to_store(node);
        let previous = head.load(Ordering::Relaxed);
        let entry = self.entries.get_or_allocate(number);
        entry.neighbour.store(neighbour.get(), Ordering::Relaxed);
        entry.previous.store(previous, Ordering::Relaxed);
        entry.scn.store(scn.get(), Ordering::Relaxed);
        entry.stamp.store(stamp.0, Ordering::Relaxed);
        self.entry_count.store(number, Ordering::Relaxed);
        self.last_change.store(scn.get(), Ordering::Relaxed);
        head.store(number, Ordering::Release);
        if previous == 0 {
            self.touched_count.fetch_add(1, Ordering::Relaxed);
            if let Some(word) = self
                .touched
                .get(node.index() / 64)
                .filter(|_| node.get() < self.base_nodes)
            {
                word.fetch_or(1 << (node.get() % 64), Ordering::Release);
            }
        }
        if neighbour == node {
            let word = self.existence.get_or_allocate(node.get() / 64);
            word.fetch_or(1 << (node.get() % 64), Ordering::Release);
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
        arrays + heads + touched + self.new_members.bytes()
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
