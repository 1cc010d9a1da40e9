//! Retention: removes a log's oldest segments, by age and by size.
//!
//! Only whole segments are removed. The segment that is written to is never removed. Neither is a
//! window that is needed, because a start from a snapshot reads on from there. A window that is
//! only wanted is removed by size, never by age ([`KeptFor`]). A reader that is inside a removed
//! segment still reads it to its end.
//!
//! **Why a crash during a removal is safe.** A removed name may come back until the folder is
//! synced. The folder is synced before the next name is removed, so a crash leaves an end of the
//! log without a gap. Recovery needs nothing from before the first segment that it finds. The
//! header of every segment holds the last offset of each source. A repeat is therefore recognized
//! even if the window that it repeats was removed.

use super::error::RetainError;
use super::published::Published;
use super::segment::Segment;
use cloud_model::Scn;
use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// The limits above which old segments are removed, unless they are needed. The default keeps
/// everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The age above which a segment is removed, counted from the time at which its successor was
    /// begun: nothing was written to it afterwards.
    pub age_max: Option<Duration>,
    /// The size of the log above which the oldest segments are removed, in bytes.
    pub bytes_max: Option<u64>,
}

impl Retention {
    /// Returns the retention for the values of two flags, in which 0 means no limit.
    pub fn of(age_ms_max: u64, bytes_max: u64) -> Self {
        Self {
            age_max: (age_ms_max > 0).then(|| Duration::from_millis(age_ms_max)),
            bytes_max: (bytes_max > 0).then_some(bytes_max),
        }
    }
}

/// The windows of a log that later reads need or want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptFor {
    /// The SCN above which windows are needed: none of them is removed. [`Scn::MAX`] if none is
    /// needed.
    pub needed_after_scn: Scn,
    /// The SCN above which windows are wanted: they are removed by the log's size, but not by their
    /// age.
    pub wanted_after_scn: Scn,
}

impl From<Scn> for KeptFor {
    /// Declares every window above the SCN as needed.
    fn from(scn: Scn) -> Self {
        Self {
            needed_after_scn: scn,
            wanted_after_scn: scn,
        }
    }
}

/// The segments that were removed from a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The number of removed segments.
    pub segments: usize,
    /// The size of the removed segments.
    pub bytes: u64,
    /// The number of removed segments that held a wanted window.
    pub wanted_segments: usize,
}

impl Published {
    /// Implements [`Log::retain`](super::Log::retain).
    pub(crate) fn retain(
        &self,
        retention: Retention,
        kept_for: KeptFor,
        now: SystemTime,
    ) -> Result<Dropped, RetainError> {
        let may_take = self.retaining();
        let mut dropped = Dropped::default();
        while *may_take && let Some(oldest) = self.oldest_not_needed(kept_for.needed_after_scn) {
            let failed = |source: io::Error| RetainError {
                file: self.disk.path(&oldest.name),
                source,
            };
            let unwanted = self.oldest_not_needed(kept_for.wanted_after_scn);
            let is_wanted = unwanted.is_none_or(|unwanted| !Arc::ptr_eq(&unwanted, &oldest));
            let retention = Retention {
                age_max: retention.age_max.filter(|_| !is_wanted),
                ..retention
            };
            if !self.is_over(retention, &oldest, now).map_err(failed)? {
                break;
            }
            self.disk.sync_names().map_err(failed)?;
            // No reader begins in the segment from here on. A reader that was about to open it
            // learns that it is gone.
            self.forget_oldest();
            if let Err(source) = self.disk.remove(&oldest.name) {
                let error = failed(source);
                self.remember_oldest(oldest);
                return Err(error);
            }
            dropped.segments += 1;
            dropped.bytes += oldest.end();
            dropped.wanted_segments += usize::from(is_wanted);
        }
        Ok(dropped)
    }

    fn is_over(&self, retention: Retention, oldest: &Segment, now: SystemTime) -> io::Result<bool> {
        let Retention { age_max, bytes_max } = retention;
        if bytes_max.is_some_and(|bytes_max| self.status().bytes > bytes_max) {
            return Ok(true);
        }
        let Some(age_max) = age_max else {
            return Ok(false);
        };
        // A segment of version 1 does not state when it was begun.
        let written_at = match self.successor_begun(oldest) {
            Some(begun_at) => begun_at,
            None => self.disk.written_at(&oldest.name)?,
        };
        // A time in the future is no age.
        Ok(now
            .duration_since(written_at)
            .is_ok_and(|age| age > age_max))
    }
}

/// Returns the first segment, if another one follows and holds everything above an SCN.
pub(super) fn first_not_needed(
    segments: &[Arc<Segment>],
    needed_after_scn: Scn,
) -> Option<&Arc<Segment>> {
    let [oldest, next, ..] = segments else {
        return None;
    };
    (next.first_scn <= needed_after_scn.get().saturating_add(1)).then_some(oldest)
}
