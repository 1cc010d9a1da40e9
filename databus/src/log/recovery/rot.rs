//! Tells rot from a torn tail: a good frame behind a bad one may say that the bad one was durable.
//!
//! The length in the bad frame cannot be trusted, so every byte behind it may begin a frame. Two
//! bounds leave almost no false heads whose checksums must be computed: one on the length, and one
//! on `durable_to`. The latter lies between the bad frame and the offset.

use crate::disk::DiskFile;
use crate::log::frame::{FRAME_HEAD_BYTES, FrameHead, FrameSeed};
use std::io;

/// The number of bytes that are searched at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Returns whether a good frame behind the bad one says that the bad one was durable. O(bytes
/// behind it).
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
        // A head that begins in the chunk's last bytes is whole in the next chunk.
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
