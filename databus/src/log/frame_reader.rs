//! Reads the frames of one segment in order and checks their checksums, up to a limit that may
//! grow.

use super::frame::{FRAME_HEAD_BYTES, FrameFault, FrameHead, FrameSeed};
use crate::disk::DiskFile;
use std::{io, sync::Arc};

/// The number of bytes that are read at once, if the limit allows it.
const READ_BYTES: usize = 256 << 10;

/// A frame whose checksum is right.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) offset: u64,
    pub(crate) durable_to: u64,
    /// An encoded `WindowPart`; empty in a mark.
    pub(crate) body: &'a [u8],
}

/// The reason why a frame could not be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    Damaged { offset: u64, reason: String },
    File(io::Error),
}

/// A position in a segment, and the bytes read ahead of it.
#[derive(Debug)]
pub(crate) struct FrameReader {
    file: Arc<dyn DiskFile>,
    seed: FrameSeed,
    offset: u64,
    buffer: Vec<u8>,
    buffer_offset: u64,
}

impl FrameReader {
    /// Returns a reader that is positioned before the frame at an offset.
    pub(crate) fn new(file: Arc<dyn DiskFile>, seed: FrameSeed, offset: u64) -> Self {
        Self {
            file,
            seed,
            offset,
            buffer: Vec::new(),
            buffer_offset: offset,
        }
    }

    /// Returns the offset of the next frame.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next frame; `None` at the limit. After an error the position is unchanged.
    pub(crate) fn next(&mut self, limit: u64) -> Result<Option<Frame<'_>>, FrameError> {
        let (seed, offset) = (self.seed, self.offset);
        if offset >= limit {
            return Ok(None);
        }
        let damaged = |fault: FrameFault| FrameError::Damaged {
            offset,
            reason: fault.to_string(),
        };
        self.fill(FRAME_HEAD_BYTES, limit)?;
        let head = self
            .ahead(FRAME_HEAD_BYTES)
            .first_chunk()
            .copied()
            .unwrap_or_default();
        let head = FrameHead::read(&head);
        head.check_bounds(seed, offset).map_err(damaged)?;
        self.fill(head.frame_bytes(), limit)?;
        head.check(self.ahead(head.frame_bytes()), seed, offset)
            .map_err(damaged)?;
        self.offset += head.frame_bytes() as u64;
        let start = (offset - self.buffer_offset) as usize + FRAME_HEAD_BYTES;
        let body = self
            .buffer
            .get(start..start + head.body_bytes)
            .unwrap_or_default();
        Ok(Some(Frame {
            offset,
            durable_to: head.durable_to,
            body,
        }))
    }

    fn ahead(&self, bytes: usize) -> &[u8] {
        let start = (self.offset - self.buffer_offset) as usize;
        self.buffer.get(start..start + bytes).unwrap_or_default()
    }

    /// Makes sure that the buffer holds this many bytes from the offset on.
    fn fill(&mut self, bytes: usize, limit: u64) -> Result<(), FrameError> {
        let ends_early = |offset: u64, end: u64| FrameError::Damaged {
            offset,
            reason: format!(
                "the frame has at least {bytes} bytes, but the segment ends at byte {end}"
            ),
        };
        let available = limit - self.offset;
        if available < bytes as u64 {
            return Err(ends_early(self.offset, limit));
        }
        if self.buffer_offset + self.buffer.len() as u64 >= self.offset + bytes as u64 {
            return Ok(());
        }
        let wanted = available.min(bytes.max(READ_BYTES) as u64) as usize;
        self.buffer.resize(wanted, 0);
        self.buffer_offset = self.offset;
        let read = self.file.read_at(&mut self.buffer, self.offset);
        self.buffer.truncate(*read.as_ref().unwrap_or(&0));
        let read = read.map_err(FrameError::File)?;
        if read < bytes {
            Err(ends_early(self.offset, self.offset + read as u64))
        } else {
            Ok(())
        }
    }
}
