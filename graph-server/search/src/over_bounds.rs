//! The number of changes that had no effect, because a profile would have exceeded a bound.

use cloud_profile::Bound;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counts since the store was opened, for many readers.
#[derive(Debug, Default)]
pub struct OverBounds {
    positions: AtomicU64,
    attributes: AtomicU64,
    bytes: AtomicU64,
}

impl OverBounds {
    /// Returns the number of changes that would have exceeded this bound.
    #[must_use]
    pub fn changes(&self, bound: Bound) -> u64 {
        self.counter(bound).load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, bound: Bound) {
        self.counter(bound).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, bound: Bound) -> &AtomicU64 {
        match bound {
            Bound::Positions => &self.positions,
            Bound::Attributes => &self.attributes,
            Bound::Bytes => &self.bytes,
        }
    }
}
