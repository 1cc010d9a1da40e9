//! Recovery: makes a log out of a folder that a crash may have left in any state.
//!
//! Data that is kept is durable before any reader sees it. Data that is cut does not come back.
//!
//! 1. The folder is synced.
//! 2. Every header is read. Each segment must belong to the expected log and continue its
//!    predecessor. Each predecessor must reach the end that the header of its successor states.
//!    Bytes of a predecessor behind that end never counted, and are cut.
//! 3. The last segment is read frame by frame. The first bad frame is rot if a `durable_to` (or a
//!    snapshot's SCN) says that it was durable. The log is then rejected. Otherwise a crash tore
//!    the tail at that frame.
//! 4. The last segment is cut behind its last whole window. The bytes that no `durable_to` covers
//!    are written again in place, then synced. A sync alone is not enough: the kernel may hold
//!    pages of a failed sync that read back but are not dirty. A sync would then report them as
//!    durable. Writing bytes over themselves is safe even if the write is torn.
//!
//! A crash during recovery leaves a folder for which the same four steps do the same. The frames of
//! earlier segments are not read here: they are checked when a reader reads them. A start therefore
//! costs one segment, not the whole log.

mod found;
mod rot;
mod tail;

use super::error::OpenError;
use super::options::LogOptions;
use super::segment::{Segment, is_unfinished, scn_of_name};
use super::sources::Sources;
use crate::disk::{Disk, DiskFile};
use cloud_model::{LineageId, LogId, LogPoint, Scn};
pub(super) use found::Found;
pub(super) use rot::said_durable_behind;
use std::sync::Arc;
use tail::Tail;

/// A recovered log. Everything in it is durable.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) log_id: LogId,
    pub(crate) origin: LineageId,
    /// The segments, ascending by first SCN; never empty.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The last segment.
    pub(crate) last: Arc<Segment>,
    /// The file of the last segment.
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) sources: Sources,
    pub(crate) head: Scn,
    /// The newest points of the last segment whose history is known, in order.
    pub(crate) points: Vec<LogPoint>,
    /// True if the last segment ends in windows that no mark covers yet.
    pub(crate) unmarked: bool,
}

/// Recovers the log in a folder; `None` if there is no log. O(segments + bytes of the last
/// segment).
pub(crate) fn recover(
    disk: &dyn Disk,
    origin: Option<LineageId>,
    options: &LogOptions,
) -> Result<Option<Recovered>, OpenError> {
    let failed = |source| OpenError::file(disk, "", source);
    let names = disk.names().map_err(failed)?;
    disk.sync_names().map_err(failed)?;
    let mut segments: Vec<_> = names
        .iter()
        .filter(|name| scn_of_name(name).is_some())
        .collect();
    segments.sort_unstable();
    let mut found: Vec<Found> = Vec::with_capacity(segments.len());
    for name in segments {
        let next = Found::read(disk, name)?;
        next.belongs_to(origin, options, disk)?;
        if let Some(previous) = found.last() {
            next.continues(previous, disk)?;
        }
        found.push(next);
    }
    for unfinished in names.iter().filter(|name| is_unfinished(name)) {
        disk.remove(unfinished)
            .map_err(|source| OpenError::file(disk, unfinished, source))?;
    }
    let Some(last) = found.pop() else {
        return Ok(None);
    };
    let mut successor = &last;
    for earlier in found.iter().rev() {
        if let Some(previous) = successor.header.previous {
            earlier.end_at(previous.end, disk)?;
        }
        successor = earlier;
    }
    let Tail {
        sources,
        head,
        points,
        unmarked,
    } = Tail::recover(&last, disk, options)?;
    let (log_id, origin) = (last.header.log_id, last.header.origin);
    let mut segments: Vec<_> = found.into_iter().map(|earlier| earlier.segment).collect();
    segments.push(Arc::clone(&last.segment));
    let Found {
        segment: last,
        file,
        ..
    } = last;
    Ok(Some(Recovered {
        log_id,
        origin,
        segments,
        last,
        file,
        sources,
        head,
        points,
        unmarked,
    }))
}
