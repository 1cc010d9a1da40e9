//! A segment in memory: its place in the log, the end up to which it may be read, and its index.

use super::frame::FrameSeed;
use super::segment_header::{Begun, Previous, SegmentHeader};
use super::sparse_index::{IndexEntry, SparseIndex};
use cloud_model::History;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The suffix of a segment's file until its header is durable.
const UNFINISHED_SUFFIX: &str = ".new";
const SUFFIX: &str = ".log";
const SCN_DIGITS: usize = 20;

/// A segment, which is one file of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) first_scn: u64,
    pub(crate) previous: Option<Previous>,
    /// The history before the first window, and the time at which the segment was begun; `None` in
    /// a segment of version 1, whose windows have no histories.
    pub(crate) begun: Option<Begun>,
    pub(crate) seed: FrameSeed,
    /// The offset below which every byte is durable and may be read. It lies between two windows.
    end: AtomicU64,
    index: Mutex<SparseIndex>,
}

impl Segment {
    /// Returns a segment with its header, and with nothing else to read yet.
    pub(crate) fn new(header: &SegmentHeader, seed: FrameSeed) -> Self {
        let first = IndexEntry {
            scn: header.first_scn,
            offset: seed.header_bytes,
        };
        Self {
            name: segment_name(header.first_scn),
            first_scn: header.first_scn,
            previous: header.previous,
            begun: header.begun,
            seed,
            end: AtomicU64::new(seed.header_bytes),
            index: Mutex::new(SparseIndex::new(first)),
        }
    }

    /// Returns the history before the first window, if the segment states it.
    pub(crate) fn history_before(&self) -> Option<History> {
        self.begun.map(|begun| begun.history_before)
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Moves the end: everything below it is durable.
    pub(crate) fn extend_to(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end() == self.seed.header_bytes
    }

    pub(crate) fn note(&self, entry: IndexEntry) {
        self.index
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(entry);
    }

    pub(crate) fn at_or_before(&self, scn: u64) -> IndexEntry {
        self.index
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .at_or_before(scn)
    }
}

/// Returns the file name of the segment that begins with an SCN. Names sort like their SCNs.
pub(crate) fn segment_name(first_scn: u64) -> String {
    format!("{first_scn:0SCN_DIGITS$}{SUFFIX}")
}

/// Returns the name of the file until its header is durable.
pub(crate) fn unfinished_name(first_scn: u64) -> String {
    segment_name(first_scn) + UNFINISHED_SUFFIX
}

/// Returns the first SCN of the segment that has this name; `None` for any other file.
pub(crate) fn scn_of_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let decimal = digits.len() == SCN_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    decimal.then(|| digits.parse().ok()).flatten()
}

/// Returns whether a file is a segment that was never finished.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED_SUFFIX)
        .and_then(scn_of_name)
        .is_some()
}
