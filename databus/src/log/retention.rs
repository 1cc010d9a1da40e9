//! What a log lets go of: whole segments, oldest first, by age and by size.
//!
//! Never the segment that is written, and never a window that is needed: a start from a snapshot
//! reads on from there. A window that is wanted goes by size alone, never by age ([`KeptFor`]). A
//! reader that stands in a segment that goes away reads it to its end.
//!
//! **Why a crash in between is survived.** A name that was taken away may come back until the folder is synced. It is
//! synced before the next name is taken away, so what a crash leaves is an end of the log without a gap, and recovery asks
//! nothing of what stood before the first segment that it finds. The last offset of each source stands at the head of
//! every segment, so no repeat is taken for a new window because the one that it repeats is gone.

use super::error::RetainError;
use super::published::Published;
use super::segment::Segment;
use cloud_model::Scn;
use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How much of a log is kept, beyond what somebody needs. The default keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// A segment goes when its last window was written longer ago than this.
    pub age_max: Option<Duration>,
    /// The oldest segments go while all together have more bytes than this.
    pub bytes_max: Option<u64>,
}

impl Retention {
    /// From flags: 0 of either keeps whatever it is about.
    pub fn of(age_ms_max: u64, bytes_max: u64) -> Self {
        Self {
            age_max: (age_ms_max > 0).then(|| Duration::from_millis(age_ms_max)),
            bytes_max: (bytes_max > 0).then_some(bytes_max),
        }
    }
}

/// What is read from a log later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptFor {
    /// No window above this SCN is removed ([`Scn::MAX`]: none is needed).
    pub needed_after_scn: Scn,
    /// No window above this SCN is removed by its age, but it may be by the log's size.
    pub wanted_after_scn: Scn,
}

impl From<Scn> for KeptFor {
    /// Every window above the SCN is needed.
    fn from(scn: Scn) -> Self {
        Self {
            needed_after_scn: scn,
            wanted_after_scn: scn,
        }
    }
}

/// What was removed from a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Segments.
    pub segments: usize,
    /// The segments' bytes.
    pub bytes: u64,
    /// Those of the segments that held a window which was wanted.
    pub wanted_segments: usize,
}

impl Published {
    /// See [`Log::retain`](super::Log::retain).
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
            // No reader begins in it from here on; one that was about to is told that it is gone.
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
        let written_at = self.disk.written_at(&oldest.name)?;
        // A time that is still to come is no age.
        Ok(now
            .duration_since(written_at)
            .is_ok_and(|age| age > age_max))
    }
}

/// The first of the segments, when another one follows and holds everything above an SCN.
pub(super) fn first_not_needed(
    segments: &[Arc<Segment>],
    needed_after_scn: Scn,
) -> Option<&Arc<Segment>> {
    let [oldest, next, ..] = segments else {
        return None;
    };
    (next.first_scn <= needed_after_scn.get().saturating_add(1)).then_some(oldest)
}
