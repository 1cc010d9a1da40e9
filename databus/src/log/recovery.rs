//! From a folder as a crash left it to a log: what is kept is durable before anybody reads it, what is cut is gone.
//!
//! 1. The folder is synced.
//! 2. Every header is read: all of the log that is asked for, each continuing its predecessor, each predecessor reaching
//!    the end that its successor gives it. What a predecessor holds behind that end never counted, and is cut.
//! 3. The last segment is read frame by frame. The first bad frame is rot if a mark (or a snapshot's SCN) says that it
//!    was durable: the log is refused. Otherwise it is where a crash tore the tail.
//! 4. The last segment is cut behind its last whole window, and what no mark covers is written again in place, then
//!    synced. Written again, because the kernel may hold pages of a failed sync that read back and are not dirty: a sync
//!    alone would answer that they are durable. (Writing bytes over themselves is safe to tear.)
//!
//! A crash in between leaves a folder for which the same four steps do the same. Earlier segments are not read here but
//! checked frame by frame when they are: a start costs one segment, not the log.

mod found;
mod rot;
mod tail;

use super::error::OpenError;
use super::options::LogOptions;
use super::segment::{Segment, is_unfinished, scn_of_name};
use super::sources::Sources;
use crate::disk::{Disk, DiskFile};
use cloud_model::{LineageId, LogId, Scn};
pub(super) use found::Found;
pub(super) use rot::said_durable_behind;
use std::sync::Arc;
use tail::Tail;

/// A log as it was found, durable as it is.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) log_id: LogId,
    pub(crate) origin: LineageId,
    /// Ascending by first SCN; never empty.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The last of them.
    pub(crate) last: Arc<Segment>,
    /// And its file.
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) sources: Sources,
    pub(crate) head: Scn,
    /// Whether the last segment ends in windows that no mark covers yet.
    pub(crate) unmarked: bool,
}

/// Recovers the log in a folder; `None` when there is none. O(segments + bytes of the last segment).
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
        unmarked,
    }))
}
