//! "The overlay has grown": it is folded into a new base while the server answers, and that base is a snapshot.
//!
//! [`Compaction`] is what everybody else sees of it: asking for a snapshot, waiting for room in the overlay, how it stands. The
//! work is the [`Compactor`]'s, a thread that begins when the overlay has grown to its share of the base, when somebody asks, and
//! now and then.
//!
//! Imports from `ingest`, `views` and the top of the crate.

mod compactor;
mod kept;
mod snapshot_writer;

use crate::{
    ingest::progress::{Part, Progress},
    limits::Limits,
};
use cloud_engine::{Current, FileError, Manifest, Version, Writer};
use cloud_model::Scn;
pub(crate) use compactor::{Compactor, behind, interval};
pub(crate) use kept::Needed;
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

/// The graph's writer, which works for one at a time: the follower applies windows, the compactor goes over to a new base
/// between two of them.
pub(crate) type SharedWriter = Arc<Mutex<Writer>>;

pub(crate) fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Compaction {
    current: Current,
    overlay_bytes_max: u64,
    percent: u64,
    bytes_min: u64,
    /// Of the overlay, and of what is kept for the base that is being made.
    overlay_bytes: AtomicU64,
    /// The newest snapshot that was asked for stands at this SCN or above.
    asked: AtomicU64,
    /// The follower cannot go on without a new base.
    is_waited_for: AtomicBool,
    /// Whether somebody has called the compactor.
    called: Mutex<bool>,
    calls: Condvar,
    status: watch::Sender<CompactionStatus>,
}

/// How it stands.
#[derive(Clone, Debug)]
pub(crate) struct CompactionStatus {
    /// What the base is: the newest snapshot that this server has opened or written.
    pub(crate) snapshot: Arc<Manifest>,
    /// The part of the log that a start may need, from this snapshot or from one that it falls back
    /// to.
    pub(crate) needed: Needed,
    pub(crate) running: Option<Running>,
    /// Since the start.
    pub(crate) completed: u64,
    /// Since the start.
    pub(crate) failed: u64,
    /// How long the last one took that was completed.
    pub(crate) last_time: Option<Duration>,
    /// Why the last one failed, if it did.
    pub(crate) last_failure: Option<Arc<str>>,
}

/// A compaction on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// Where the snapshot will stand.
    pub(crate) scn: Scn,
    pub(crate) nodes_written: u32,
    pub(crate) nodes: u32,
}

impl Compaction {
    /// On the snapshot that the server has opened, in the directory `site`.
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
            }),
        })
    }

    pub(crate) fn status(&self) -> CompactionStatus {
        self.status.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<CompactionStatus> {
        self.status.subscribe()
    }

    /// There is to be a snapshot that stands at `scn` or above.
    pub(crate) fn ask(&self, scn: Scn) {
        self.asked.fetch_max(scn.get(), Ordering::Relaxed);
        self.call();
    }

    /// Has the compactor look at once whether there is something to do, or an end.
    pub(crate) fn call(&self) {
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.calls.notify_one();
    }

    /// Waits until somebody calls, or for so long.
    fn wait_for_call(&self, time: Duration) {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .calls
            .wait_timeout_while(called, time, |called| !*called);
        let (mut called, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *called = false;
    }

    /// Memory of the overlay, and of what is kept for the base that is being made.
    pub(crate) fn overlay_bytes(&self) -> u64 {
        self.overlay_bytes.load(Ordering::Relaxed)
    }

    /// After a window, and after all that a compaction does to the writer.
    pub(crate) fn overlay_is_of(&self, writer: &Writer) {
        self.overlay_bytes
            .store(writer.overlay_bytes(), Ordering::Relaxed);
    }

    /// Whether the next window has to wait for a new base, and there is something to fold into one.
    pub(crate) fn is_full(&self) -> bool {
        self.overlay_bytes() >= self.overlay_bytes_max && is_changed(&self.current.version())
    }

    /// Waits until there is room for the next window, and says meanwhile what it waits for.
    pub(crate) async fn room(&self, progress: &Progress) {
        let mut status = self.status.subscribe();
        let mut said = String::new();
        self.is_waited_for.store(true, Ordering::Relaxed);
        loop {
            // Before the look, so that what comes after it is not slept through.
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
            // The sender is this object's own: it does not go away.
            let _ = status.changed().await;
        }
        self.is_waited_for.store(false, Ordering::Relaxed);
        progress.hold_up(Part::Graph, None);
    }

    fn reason(&self, because: &str) -> String {
        let limit = self.overlay_bytes_max;
        format!("the overlay is at its limit of {limit} bytes and waits for a compaction{because}")
    }

    /// Whether the overlay has grown to its share of the base.
    fn is_due(&self) -> bool {
        let base = self.current.version().base().bytes();
        let share = (base.mapped + base.memory).saturating_mul(self.percent) / 100;
        let begins_at = share.max(self.bytes_min).min(self.overlay_bytes_max / 2);
        self.overlay_bytes() >= begins_at
    }
}

/// Whether the version is true at a later SCN than its base.
fn is_changed(version: &Version) -> bool {
    version.published() > version.base_scn()
}
