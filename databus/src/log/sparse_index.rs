//! A sparse index of the windows in a segment: an entry every 64 KiB, near which a reader begins.
//!
//! The index is in memory only. It grows as windows are appended, recovered or passed by a reader.
//! An older segment that was not read since the start has only its first window in the index.

/// The least distance of two entries, in bytes of the segment. 128 MiB have 2,048 entries, 32 KiB.
const EVERY_BYTES: u64 = 64 << 10;

/// The entries (SCN, offset of the window's first frame), ascending.
#[derive(Debug)]
pub(crate) struct SparseIndex {
    first: IndexEntry,
    further: Vec<IndexEntry>,
}

/// The SCN of a window, and the offset of its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) scn: u64,
    pub(crate) offset: u64,
}

impl SparseIndex {
    /// Returns an index that holds only a segment's first window.
    pub(crate) fn new(first: IndexEntry) -> Self {
        Self {
            first,
            further: Vec::new(),
        }
    }

    /// Adds a window if it is far enough behind the last entry. O(1).
    pub(crate) fn note(&mut self, entry: IndexEntry) {
        let last = self.further.last().unwrap_or(&self.first);
        if entry.offset >= last.offset + EVERY_BYTES {
            self.further.push(entry);
        }
    }

    /// Returns the last entry at or before an SCN, or the segment's first. O(log entries).
    pub(crate) fn at_or_before(&self, scn: u64) -> IndexEntry {
        let behind = self.further.partition_point(|entry| entry.scn <= scn);
        behind
            .checked_sub(1)
            .and_then(|last| self.further.get(last))
            .copied()
            .unwrap_or(self.first)
    }
}
