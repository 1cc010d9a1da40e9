//! Rot or a torn tail: the search behind a bad frame for a good one that says the bad one was durable.
//!
//! The bad frame's length cannot be trusted, so every byte behind it may begin a frame. Two bounds (on the length, and on
//! `durable_to`, which lies between the bad frame and the offset) leave next to no false heads to compute checksums for.

use crate::disk::DiskFile;
use crate::log::frame::{FRAME_HEAD_BYTES, FrameHead, FrameSeed};
use std::io;

/// Bytes that are searched at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Whether a good frame behind the bad one says that the bad one was durable. O(bytes behind it).
pub(in crate::log) fn said_durable_behind(
    file: &dyn DiskFile,
    seed: FrameSeed,
    bad: u64,
) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut chunk_offset = bad + 1;
    loop {
        chunk.resize(CHUNK_BYTES, 0);
        let read = file.read_at(&mut chunk, chunk_offset)?;
        chunk.truncate(read);
        if read < FRAME_HEAD_BYTES {
            return Ok(false);
        }
        for (offset, head) in (chunk_offset..).zip(chunk.windows(FRAME_HEAD_BYTES)) {
            let Some(head) = head.first_chunk().map(FrameHead::read) else {
                continue;
            };
            let possible = head.durable_to > bad && head.check_bounds(seed, offset).is_ok();
            if possible && is_frame(file, &head, seed, offset)? {
                return Ok(true);
            }
        }
        // Heads that begin in the chunk's last bytes are whole in the next one.
        chunk_offset += (read - FRAME_HEAD_BYTES + 1) as u64;
    }
}

fn is_frame(
    file: &dyn DiskFile,
    head: &FrameHead,
    seed: FrameSeed,
    offset: u64,
) -> io::Result<bool> {
    let mut frame = vec![0; head.frame_bytes()];
    let read = file.read_at(&mut frame, offset)?;
    Ok(read == frame.len() && head.check(&frame, seed, offset).is_ok())
}
