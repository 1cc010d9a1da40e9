//! The segment that is appended to: its frames are written, then synced, and only then readable.
//!
//! `durable` is the end after the last good sync. Bytes behind it may be lost. A failed write or
//! sync gives them up: the segment has ended at `durable`, and its successor's header says so.

use super::frame::push_frame;
use super::segment::{Segment, segment_name, unfinished_name};
use super::segment_header::{Begun, Previous, SegmentHeader, random_salt};
use super::sources::Sources;
use crate::disk::{Disk, DiskFile};
use cloud_model::{History, LineageId, LogId};
use std::{io, sync::Arc, time::UNIX_EPOCH};

/// The last segment of the log.
#[derive(Debug)]
pub(crate) struct TailSegment {
    pub(crate) segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// The offset below which every byte is synced.
    durable: u64,
    /// The offset of the next frame, at or behind `durable`.
    position: u64,
    /// True if there are windows that no mark covers.
    unmarked: bool,
    /// True once nothing is written to the segment any more.
    ended: bool,
}

impl TailSegment {
    /// Returns the last segment of a recovered log. A segment of version 1 has ended: the next
    /// window begins one whose windows have histories.
    pub(crate) fn recovered(
        segment: Arc<Segment>,
        file: Arc<dyn DiskFile>,
        unmarked: bool,
    ) -> Self {
        let end = segment.end();
        let ended = segment.begun.is_none();
        Self {
            segment,
            file,
            durable: end,
            position: end,
            unmarked,
            ended,
        }
    }

    /// Creates a segment durably. Once this returns, the segment belongs to the log and its
    /// predecessor has ended.
    pub(crate) fn create(
        disk: &dyn Disk,
        (log_id, origin): (LogId, LineageId),
        first_scn: u64,
        previous: Option<Previous>,
        history_before: History,
        sources: &Sources,
    ) -> io::Result<Self> {
        let (salt, sources) = (random_salt()?, sources.list());
        let since_1970 = disk.now().duration_since(UNIX_EPOCH);
        let at_ms = since_1970.map_or(0, |time| time.as_millis() as u64);
        let begun = Some(Begun {
            history_before,
            at_ms,
        });
        let header = SegmentHeader {
            log_id,
            origin,
            first_scn,
            previous,
            salt,
            begun,
            sources,
        };
        let (bytes, seed) = header.encode();
        let unfinished = unfinished_name(first_scn);
        let file = disk.create(&unfinished)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        disk.rename(&unfinished, &segment_name(first_scn))?;
        disk.sync_names()?;
        Ok(Self::recovered(
            Arc::new(Segment::new(&header, seed)),
            file,
            false,
        ))
    }

    /// Returns the predecessor for the header of a successor. An empty segment is replaced by its
    /// successor, and passes on its own predecessor.
    pub(crate) fn as_previous(&self) -> Option<Previous> {
        if self.segment.is_empty() {
            return self.segment.previous;
        }
        Some(Previous {
            first_scn: self.segment.first_scn,
            end: self.durable,
        })
    }

    /// Returns whether appends need a successor, because this segment has failed or reached its
    /// size.
    pub(crate) fn is_over(&self, segment_bytes: u64) -> bool {
        self.ended || (self.durable >= segment_bytes && !self.segment.is_empty())
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Returns the offset of the next frame, behind everything that was written.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Returns whether a mark would add information.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.unmarked && !self.ended
    }

    /// Appends a frame to a buffer. The frame will stand at an offset of this segment.
    pub(crate) fn push_frame(
        &self,
        buffer: &mut Vec<u8>,
        offset: u64,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        push_frame(buffer, self.segment.seed, offset, self.durable, body);
    }

    /// Writes frames of windows at the position.
    pub(crate) fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.write_at(frames, self.position)?;
        self.position += frames.len() as u64;
        self.unmarked = true;
        Ok(())
    }

    /// Makes everything that was written durable, and checks that it is durable in the log: a file
    /// that is no longer at its path would be lost with the process.
    pub(crate) fn sync(&mut self, disk: &dyn Disk) -> io::Result<()> {
        self.file.sync()?;
        self.check_in_place(disk)?;
        self.durable = self.position;
        Ok(())
    }

    /// Checks that the segment is still at its path.
    pub(crate) fn check_in_place(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.check_in_place(&self.segment.name, &*self.file)
    }

    /// Writes a mark without a sync: it states what an earlier sync made durable. If this fails,
    /// the next frame overwrites it.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        self.unmarked = false;
        let mut mark = Vec::new();
        self.push_frame(&mut mark, self.position, |_| {});
        self.file.write_at(&mark, self.position)?;
        self.position += mark.len() as u64;
        Ok(())
    }

    /// Ends the segment with a mark, and makes everything durable.
    pub(crate) fn close(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.unmarked {
            self.mark()?;
        }
        self.sync(disk)
    }

    /// Gives up everything that was not synced. The cut only frees space: the end that counts is in
    /// the successor's header.
    pub(crate) fn give_up(&mut self) -> io::Result<()> {
        self.ended = true;
        self.position = self.durable;
        self.file.cut(self.durable)
    }
}
