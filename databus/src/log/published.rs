//! The state of a log that readers see: its segments, sources and head, as far as they are durable.
//!
//! The writer publishes in this order: the new end of a segment, the sources, the head. A reader
//! that has seen the head can read up to it.

use super::error::ReadError;
use super::retention::first_not_needed;
use super::segment::Segment;
use super::sources::Sources;
use crate::disk::Disk;
use crate::histories::Histories;
use cloud_model::{LineageId, LogId, LogPoint, Scn};
use cloud_serving::metrics::Histogram;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// The bounds and the size of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// The last durable SCN; [`Scn::BEGINNING`] in a log without windows.
    pub head: Scn,
    /// The lowest SCN that can be read after.
    pub oldest_after_scn: Scn,
    /// The durable bytes of all segments.
    pub bytes: u64,
    /// The number of segment files.
    pub segments: usize,
}

/// The durable state, shared by the writer and all readers.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) log_id: LogId,
    pub(crate) origin: LineageId,
    /// The segments, ascending by first SCN. There is at least one, and only the last may hold no
    /// windows.
    segments: RwLock<Vec<Arc<Segment>>>,
    sources: RwLock<Sources>,
    head: watch::Sender<Scn>,
    /// The histories of the newest windows, noted before the head says that they are durable.
    pub(crate) histories: Histories,
    /// The times of the syncs that made windows durable.
    pub(crate) syncs: Histogram,
    /// True if segments may be removed. The lock is held while they are removed.
    retaining: Mutex<bool>,
}

impl Published {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        (log_id, origin): (LogId, LineageId),
        segments: Vec<Arc<Segment>>,
        sources: Sources,
        head: Scn,
    ) -> Self {
        let (segments, sources) = (RwLock::new(segments), RwLock::new(sources));
        Self {
            disk,
            log_id,
            origin,
            segments,
            sources,
            head: watch::Sender::new(head),
            histories: Histories::default(),
            syncs: Histogram::default(),
            retaining: Mutex::new(true),
        }
    }

    pub(crate) fn head(&self) -> Scn {
        *self.head.borrow()
    }

    /// Returns the head with its history.
    pub(crate) fn head_point(&self) -> LogPoint {
        self.histories.point(self.head())
    }

    pub(crate) fn head_watch(&self) -> watch::Receiver<Scn> {
        self.head.subscribe()
    }

    pub(crate) fn sources<T>(&self, read: impl FnOnce(&Sources) -> T) -> T {
        read(&self.sources.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn status(&self) -> LogStatus {
        let head = self.head();
        self.segments(|segments| LogStatus {
            head,
            oldest_after_scn: oldest_after_scn(segments),
            bytes: segments.iter().map(|segment| segment.end()).sum(),
            segments: segments.len(),
        })
    }

    /// Returns the segment that holds the window after an SCN, or will hold it.
    pub(crate) fn segment_after_scn(&self, after_scn: Scn) -> Result<Arc<Segment>, ReadError> {
        let head = self.head();
        if after_scn > head {
            return Err(ReadError::BeyondHead { after_scn, head });
        }
        self.segments(|segments| {
            let holding = segments
                .iter()
                .rev()
                .find(|segment| segment.first_scn <= after_scn.get().saturating_add(1));
            let oldest_after_scn = oldest_after_scn(segments);
            holding.cloned().ok_or(ReadError::TooOld {
                after_scn,
                oldest_after_scn,
            })
        })
    }

    /// Returns an error if windows after an SCN were removed.
    pub(crate) fn check_kept(&self, after_scn: Scn) -> Result<(), ReadError> {
        match self.segments(oldest_after_scn) {
            oldest_after_scn if after_scn < oldest_after_scn => Err(ReadError::TooOld {
                after_scn,
                oldest_after_scn,
            }),
            _ => Ok(()),
        }
    }

    /// Returns the next segment that holds windows. A segment that stayed empty may have been
    /// replaced by one with the same first SCN.
    pub(crate) fn segment_following(&self, segment: &Arc<Segment>) -> Option<Arc<Segment>> {
        self.segments(|segments| {
            let begins = segments.partition_point(|other| other.first_scn < segment.first_scn);
            let mut further = segments.iter().skip(begins);
            further
                .find(|other| !Arc::ptr_eq(other, segment) && !other.is_empty())
                .cloned()
        })
    }

    /// Returns the time at which the segment behind another one was begun, if it states one.
    pub(crate) fn successor_begun(&self, segment: &Segment) -> Option<SystemTime> {
        let begun = self.segments(|segments| {
            let mut later = segments.iter();
            later
                .find(|other| other.first_scn > segment.first_scn)
                .and_then(|successor| successor.begun)
        });
        UNIX_EPOCH.checked_add(Duration::from_millis(begun?.at_ms))
    }

    /// Adds a new segment. It replaces the last one if that stayed empty.
    pub(crate) fn begin(&self, segment: Arc<Segment>) {
        let mut segments = self.segments_mut();
        if segments
            .last()
            .is_some_and(|last| last.first_scn == segment.first_scn)
        {
            segments.pop();
        }
        segments.push(segment);
    }

    /// Ends the removal of segments for good, because another process may soon own the folder.
    pub(crate) fn end_retention(&self) {
        *self.retaining() = false;
    }

    /// Locks the removal of segments, so that one caller at a time removes them. The value is false
    /// once the removal of segments has ended.
    pub(crate) fn retaining(&self) -> MutexGuard<'_, bool> {
        self.retaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the oldest segment, unless it is written to, or a reader after the SCN needs it.
    pub(crate) fn oldest_not_needed(&self, needed_after_scn: Scn) -> Option<Arc<Segment>> {
        self.segments(|segments| first_not_needed(segments, needed_after_scn).cloned())
    }

    /// Removes the oldest segment from the list. The log then begins with the next one.
    pub(crate) fn forget_oldest(&self) {
        self.segments_mut().remove(0);
    }

    /// Puts the oldest segment back into the list, because it could not be removed.
    pub(crate) fn remember_oldest(&self, oldest: Arc<Segment>) {
        self.segments_mut().insert(0, oldest);
    }

    /// Replaces the segments and the head by those that another look at the log found.
    pub(crate) fn replace_with(&self, found: &Self) {
        *self.segments_mut() = found.segments(<[_]>::to_vec);
        self.head.send_replace(found.head());
    }

    /// Publishes that a segment may be read up to its new end, and that everything up to the SCN is
    /// durable.
    pub(crate) fn publish(&self, segment: &Segment, end: u64, sources: Sources, head: Scn) {
        segment.extend_to(end);
        self.sources
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .merge(sources);
        self.head.send_replace(head);
    }

    fn segments_mut(&self) -> RwLockWriteGuard<'_, Vec<Arc<Segment>>> {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn segments<T>(&self, read: impl FnOnce(&[Arc<Segment>]) -> T) -> T {
        read(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn oldest_after_scn(segments: &[Arc<Segment>]) -> Scn {
    let before = |first: &Arc<Segment>| Scn::new(first.first_scn.saturating_sub(1));
    segments.first().map_or(Scn::BEGINNING, before)
}
