//! Where windows stand in a segment, one entry for every 64 KiB: a reader of some SCN begins near it.
//!
//! In memory only. It grows as windows are appended, recovered or passed by a reader; a segment from before the start has
//! its first window until somebody reads it.

/// Bytes of a segment between two entries, at least. 128 MiB have 2,048 entries: 32 KiB.
const EVERY_BYTES: u64 = 64 << 10;

/// Entries of (SCN, offset of the window's first frame), ascending.
#[derive(Debug)]
pub(crate) struct SparseIndex {
    first: IndexEntry,
    further: Vec<IndexEntry>,
}

/// A window, and where its first frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) scn: u64,
    pub(crate) offset: u64,
}

impl SparseIndex {
    /// Knows a segment's first window.
    pub(crate) fn new(first: IndexEntry) -> Self {
        Self {
            first,
            further: Vec::new(),
        }
    }

    /// A window was met; kept when it is far enough behind the last entry. O(1).
    pub(crate) fn note(&mut self, entry: IndexEntry) {
        let last = self.further.last().unwrap_or(&self.first);
        if entry.offset >= last.offset + EVERY_BYTES {
            self.further.push(entry);
        }
    }

    /// The last entry at or before an SCN, or the segment's first. O(log entries).
    pub(crate) fn at_or_before(&self, scn: u64) -> IndexEntry {
        let behind = self.further.partition_point(|entry| entry.scn <= scn);
        behind
            .checked_sub(1)
            .and_then(|last| self.further.get(last))
            .copied()
            .unwrap_or(self.first)
    }
}
