//! The progress of capture, for `/metrics` and for logs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The progress of capture, shared with the page of metrics.
#[derive(Debug, Default)]
pub struct Progress {
    figures: Mutex<Figures>,
}

/// The figures at a moment.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Whether the stream runs.
    pub is_streaming: bool,
    /// The reason why it does not, since it last did.
    pub reason: Option<String>,
    /// Whether capture has ended for this reason, because no retry helps.
    pub has_ended: bool,
    /// The position up to which everything was read.
    pub read: u64,
    /// The last offset that is durable in the log.
    pub durable: u64,
    /// The end of the database's log, as last read.
    pub database: u64,
    /// A time at which the database's log ended at or before what is durable now.
    pub caught_up: Option<Instant>,
    /// The windows that were sent, empty ones apart.
    pub windows: u64,
    /// The empty windows that were sent, to state a position.
    pub empty_windows: u64,
    /// The transactions that became several windows.
    pub split_transactions: u64,
    /// The rows that were read, by table.
    pub rows: BTreeMap<String, u64>,
    /// The rows that were set aside.
    pub dead_letters: u64,
    /// The database's word for the log that the slot needs: reserved, extended, unreserved, lost.
    pub wal_status: String,
    /// The bytes that may still be written before the slot may lose its log; `None`: no limit.
    pub safe_wal_bytes: Option<i64>,
}

impl Progress {
    /// Returns the figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    pub(super) fn update(&self, update: impl FnOnce(&mut Figures)) {
        update(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
