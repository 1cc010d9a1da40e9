//! The segment that is appended to: its frames are written, synced, and read only then.
//!
//! `durable` is where the last good sync left it. What is written behind may be lost; after a failed write or sync it is
//! given up: the segment has ended at `durable`, and its successor's header says so.

use super::frame::push_frame;
use super::segment::{Segment, segment_name, unfinished_name};
use super::segment_header::{Previous, SegmentHeader, random_salt};
use super::sources::Sources;
use crate::disk::{Disk, DiskFile};
use cloud_model::{LineageId, LogId};
use std::{io, sync::Arc};

/// The last segment of the log.
#[derive(Debug)]
pub(crate) struct TailSegment {
    pub(crate) segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// Every byte below is synced.
    durable: u64,
    /// Where the next frame goes: at or behind `durable`.
    position: u64,
    /// There are windows that no mark covers.
    unmarked: bool,
    /// Nothing is written to it any more.
    ended: bool,
}

impl TailSegment {
    /// The last segment of a log that was recovered.
    pub(crate) fn recovered(
        segment: Arc<Segment>,
        file: Arc<dyn DiskFile>,
        unmarked: bool,
    ) -> Self {
        let end = segment.end();
        Self {
            segment,
            file,
            durable: end,
            position: end,
            unmarked,
            ended: false,
        }
    }

    /// Makes a segment, durably: after this answer it belongs to the log, and its predecessor has ended.
    pub(crate) fn create(
        disk: &dyn Disk,
        (log_id, origin): (LogId, LineageId),
        first_scn: u64,
        previous: Option<Previous>,
        sources: &Sources,
    ) -> io::Result<Self> {
        let (salt, sources) = (random_salt()?, sources.list());
        let header = SegmentHeader {
            log_id,
            origin,
            first_scn,
            previous,
            salt,
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

    /// What a successor has to say of the segments before it: an empty one is replaced by it.
    pub(crate) fn as_previous(&self) -> Option<Previous> {
        if self.segment.is_empty() {
            return self.segment.previous;
        }
        Some(Previous {
            first_scn: self.segment.first_scn,
            end: self.durable,
        })
    }

    /// Whether appends need a successor: it has failed, or has grown to its size.
    pub(crate) fn is_over(&self, segment_bytes: u64) -> bool {
        self.ended || (self.durable >= segment_bytes && !self.segment.is_empty())
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Where frames go that follow what was written.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether a mark would say something new.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.unmarked && !self.ended
    }

    /// Appends a frame that will stand at an offset of this segment to a buffer.
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

    /// Makes everything that was written durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.durable = self.position;
        Ok(())
    }

    /// Writes a mark, unsynced: it says what an earlier sync did. One that fails is written over by the next frame.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        self.unmarked = false;
        let mut mark = Vec::new();
        self.push_frame(&mut mark, self.position, |_| {});
        self.file.write_at(&mark, self.position)?;
        self.position += mark.len() as u64;
        Ok(())
    }

    /// Ends with a mark, and everything durable.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        if self.unmarked {
            self.mark()?;
        }
        self.sync()
    }

    /// Gives up everything that was not synced. The cut only makes room: what counts, the successor's header says.
    pub(crate) fn give_up(&mut self) -> io::Result<()> {
        self.ended = true;
        self.position = self.durable;
        self.file.cut(self.durable)
    }
}
