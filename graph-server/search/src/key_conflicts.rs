//! The upserts that had no effect, because the member has another key.

use cloud_profile::KeyConflict;
use std::sync::{Mutex, PoisonError};

/// The key conflicts since the store was opened, for many readers.
#[derive(Debug, Default)]
pub struct KeyConflicts {
    found: Mutex<(u64, Option<KeyConflict>)>,
}

impl KeyConflicts {
    /// Returns their number, and the last one.
    #[must_use]
    pub fn found(&self) -> (u64, Option<KeyConflict>) {
        let found = self.found.lock();
        found.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn count(&self, conflict: KeyConflict) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = (found.0 + 1, Some(conflict));
    }
}
