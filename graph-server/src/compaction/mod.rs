//! Compaction: folds a grown overlay into a new base while the server answers. The new base is also
//! a snapshot.
//!
//! [`Compaction`] is the interface for the rest of the server: it requests a snapshot, waits for
//! room in the overlay, and reports the status. The work is done by the [`Compactor`], a thread. It
//! starts a compaction when the overlay has grown to its share of the base, when a snapshot is
//! requested, and periodically.
//!
//! Imports from `config`, `ingest`, `views` and the top of the crate.

mod compactor;
mod kept;
mod residence;
mod snapshot_writer;

use crate::{
    ingest::progress::{Part, Progress},
    limits::Limits,
};
use cloud_engine::{Current, FileError, Manifest, Version, Writer};
use cloud_model::Scn;
pub(crate) use compactor::{Compactor, behind, interval};
pub(crate) use kept::Needed;
pub(crate) use residence::Residence;
pub(crate) use snapshot_writer::remove_leftovers;
use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// The graph's writer, shared under a lock: the follower applies windows, and the compactor swaps
/// in a new base between two of them.
pub(crate) type SharedWriter = Arc<Mutex<Writer>>;

/// Locks the writer, also if a thread panicked while it held the lock.
pub(crate) fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The requests to the [`Compactor`], its status, and the size of the overlay.
#[derive(Debug)]
pub(crate) struct Compaction {
    current: Current,
    overlay_bytes_max: u64,
    percent: u64,
    bytes_min: u64,
    /// The memory of the overlay, and of the changes kept for the base that is being written.
    overlay_bytes: AtomicU64,
    /// The highest SCN for which a snapshot was requested: it is to stand at this SCN or above.
    asked: AtomicU64,
    /// Whether the follower waits for a new base.
    is_waited_for: AtomicBool,
    /// Whether the compactor was woken ([`Compaction::call`]) since its last check.
    called: Mutex<bool>,
    calls: Condvar,
    status: watch::Sender<CompactionStatus>,
}

/// The status of compaction.
#[derive(Clone, Debug)]
pub(crate) struct CompactionStatus {
    /// The manifest of the base: the newest snapshot that this server has opened or written.
    pub(crate) snapshot: Arc<Manifest>,
    /// The SCNs after which a start may need the log, from this snapshot or from an older one that
    /// it falls back to.
    pub(crate) needed: Needed,
    pub(crate) running: Option<Running>,
    /// The number of compactions completed since the start.
    pub(crate) completed: u64,
    /// The number of compactions that failed since the start.
    pub(crate) failed: u64,
    /// The duration of the last completed compaction.
    pub(crate) last_time: Option<Duration>,
    /// Why the last one failed, if it did.
    pub(crate) last_failure: Option<Arc<str>>,
    /// Where the base is read.
    pub(crate) residence: Residence,
}

/// The progress of a running compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// The SCN of the snapshot that is being written.
    pub(crate) scn: Scn,
    pub(crate) nodes_written: u32,
    pub(crate) nodes: u32,
}

impl Compaction {
    /// Creates the state for a server that has opened `snapshot` in the directory `site`.
    pub(crate) fn new(
        site: &Path,
        writer: &Writer,
        snapshot: Manifest,
        limits: &Limits,
    ) -> Result<Self, FileError> {
        let needed = kept::needed(site, snapshot.lineage_id)?;
        let needed = needed.unwrap_or_else(|| Needed::of(&snapshot));
        Ok(Self {
            current: writer.current().clone(),
            overlay_bytes_max: limits.overlay_bytes_max,
            percent: limits.compaction_percent,
            bytes_min: limits.compaction_bytes_min,
            overlay_bytes: AtomicU64::new(writer.overlay_bytes()),
            asked: AtomicU64::new(0),
            is_waited_for: AtomicBool::new(false),
            called: Mutex::new(false),
            calls: Condvar::new(),
            status: watch::Sender::new(CompactionStatus {
                snapshot: Arc::new(snapshot),
                needed,
                running: None,
                completed: 0,
                failed: 0,
                last_time: None,
                last_failure: None,
                residence: Residence::Mapped("the server starts".into()),
            }),
        })
    }

    pub(crate) fn status(&self) -> CompactionStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<CompactionStatus> {
        self.status.subscribe()
    }

    /// Requests a snapshot that stands at `scn` or above.
    pub(crate) fn ask(&self, scn: Scn) {
        self.asked.fetch_max(scn.get(), Ordering::Relaxed);
        self.call();
    }

    /// Wakes the compactor, which then checks whether there is work, or whether the server stops.
    pub(crate) fn call(&self) {
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.calls.notify_one();
    }

    /// Waits until [`Compaction::call`] is called, or until the time has passed.
    fn wait_for_call(&self, time: Duration) {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .calls
            .wait_timeout_while(called, time, |called| !*called);
        let (mut called, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *called = false;
    }

    /// Returns the memory of the overlay, and of the changes kept for the base that is being
    /// written.
    pub(crate) fn overlay_bytes(&self) -> u64 {
        self.overlay_bytes.load(Ordering::Relaxed)
    }

    /// Stores the size of the writer's overlay. Must be called after each window, and after each
    /// call of a compaction to the writer.
    pub(crate) fn overlay_is_of(&self, writer: &Writer) {
        self.overlay_bytes
            .store(writer.overlay_bytes(), Ordering::Relaxed);
    }

    /// Returns whether the next window has to wait for a new base, and there is something to fold
    /// into one.
    pub(crate) fn is_full(&self) -> bool {
        self.overlay_bytes() >= self.overlay_bytes_max && is_changed(&self.current.version())
    }

    /// Waits until there is room for the next window. Meanwhile, the reason is recorded in
    /// `progress`.
    pub(crate) async fn room(&self, progress: &Progress) {
        let mut status = self.status.subscribe();
        let mut said = String::new();
        self.is_waited_for.store(true, Ordering::Relaxed);
        loop {
            // Marked as seen before the check: a change after the check still wakes this loop.
            let failure = status.borrow_and_update().last_failure.clone();
            if !self.is_full() {
                break;
            }
            self.call();
            let because = failure.map(|failure| format!(", which failed: {failure}"));
            let reason = self.reason(&because.unwrap_or_default());
            if reason != said {
                progress.hold_up(Part::Graph, Some(&reason));
                said = reason;
            }
            // The sender belongs to this object, so it is never dropped meanwhile.
            let _ = status.changed().await;
        }
        self.is_waited_for.store(false, Ordering::Relaxed);
        progress.hold_up(Part::Graph, None);
    }

    fn reason(&self, because: &str) -> String {
        let limit = self.overlay_bytes_max;
        format!("the overlay is at its limit of {limit} bytes and waits for a compaction{because}")
    }

    /// Returns whether the overlay has grown to its share of the base.
    fn is_due(&self) -> bool {
        let base = self.current.version().base().bytes();
        let share = (base.mapped + base.memory).saturating_mul(self.percent) / 100;
        let begins_at = share.max(self.bytes_min).min(self.overlay_bytes_max / 2);
        self.overlay_bytes() >= begins_at
    }
}

/// Returns whether the version holds windows that its base lacks.
fn is_changed(version: &Version) -> bool {
    version.published() > version.base_scn()
}
