//! A frame: one part of a window in a segment, or a mark that says how far the segment is durable.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | crc32c over the segment's seed, the frame's offset in the segment, and all bytes of the frame after these four |
//! | 4 | 4 | length of the body; 0: a mark |
//! | 8 | 8 | `durable_to`: every byte of the segment below this offset was synced when the frame was written |
//! | 16 | length | the body: a `WindowPart` in protobuf, at most 1 MiB |
//!
//! Integers are little-endian. The seed is the checksum of the segment's header, which holds a
//! random salt. A frame is therefore valid only in its own segment, at its own offset. Neither a
//! stale block of another file nor a frame that a publisher wrote into the text of a profile passes
//! for one. A region of zeros is not a frame, because `durable_to` is never below the header's
//! length.
//!
//! **Why the log survives a crash at any byte.** Bytes that were not synced may be there, missing,
//! zero, or torn at any sector. A frame that is not whole fails its checksum. Reading ends at the
//! first frame that fails. `durable_to` tells a torn tail from rot: everything below the highest
//! `durable_to` in the segment was synced, so it must be there. A good frame *behind* the first bad
//! one may carry that value, so the rest of the segment is searched. If a good frame there says
//! that the bad one was durable, the file is rejected. Otherwise nothing behind the bad frame was
//! ever acknowledged, and it is cut.

use crate::limits::PART_BYTES_MAX;

/// The length of a frame's head, which precedes the body.
pub(crate) const FRAME_HEAD_BYTES: usize = 16;

/// The offset in a frame at which the checksummed bytes begin.
const CHECKED_FROM: usize = 4;

/// The segment's contribution to its frames' checksums, and the lowest valid `durable_to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameSeed {
    pub(crate) crc: u32,
    pub(crate) header_bytes: u64,
}

/// The reason why a frame is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameFault {
    #[error("the frame has {body_bytes} bytes, more than {}", PART_BYTES_MAX)]
    TooLong { body_bytes: usize },
    #[error("the frame says that byte {durable_to} was durable, which is not possible there")]
    DurableTo { durable_to: u64 },
    #[error("the frame has checksum {found:08x}, but {written:08x} was written")]
    Checksum { found: u32, written: u32 },
}

/// The head of a frame, as read and not checked yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    crc: u32,
    pub(crate) body_bytes: usize,
    pub(crate) durable_to: u64,
}

impl FrameHead {
    pub(crate) fn read(head: &[u8; FRAME_HEAD_BYTES]) -> Self {
        let [c0, c1, c2, c3, l0, l1, l2, l3, durable_to @ ..] = *head;
        Self {
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
            body_bytes: u32::from_le_bytes([l0, l1, l2, l3]) as usize,
            durable_to: u64::from_le_bytes(durable_to),
        }
    }

    /// Returns the length of the whole frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        FRAME_HEAD_BYTES + self.body_bytes
    }

    /// Checks whether a frame at the offset can have this head. O(1).
    pub(crate) fn check_bounds(&self, seed: FrameSeed, offset: u64) -> Result<(), FrameFault> {
        let Self {
            body_bytes,
            durable_to,
            ..
        } = *self;
        if body_bytes > PART_BYTES_MAX {
            return Err(FrameFault::TooLong { body_bytes });
        }
        if !(seed.header_bytes..=offset).contains(&durable_to) {
            return Err(FrameFault::DurableTo { durable_to });
        }
        Ok(())
    }

    /// Compares the checksum with the frame's bytes, head included. O(bytes).
    pub(crate) fn check(
        &self,
        frame: &[u8],
        seed: FrameSeed,
        offset: u64,
    ) -> Result<(), FrameFault> {
        let (found, written) = (checksum(frame, seed, offset), self.crc);
        if found == written {
            Ok(())
        } else {
            Err(FrameFault::Checksum { found, written })
        }
    }
}

/// Appends a frame to the buffer; `body` appends the frame's body. The frame will stand at `offset`
/// of its segment.
pub(crate) fn push_frame(
    buffer: &mut Vec<u8>,
    seed: FrameSeed,
    offset: u64,
    durable_to: u64,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = buffer.len();
    buffer.extend([0; FRAME_HEAD_BYTES]);
    body(buffer);
    let frame = buffer.get_mut(start..).unwrap_or_default();
    let body_bytes = frame.len() - FRAME_HEAD_BYTES;
    assert!(
        body_bytes <= PART_BYTES_MAX,
        "a part of {body_bytes} bytes was encoded"
    );
    let length = (body_bytes as u32).to_le_bytes();
    for (to, from) in frame
        .iter_mut()
        .skip(CHECKED_FROM)
        .zip(length.into_iter().chain(durable_to.to_le_bytes()))
    {
        *to = from;
    }
    let crc = checksum(frame, seed, offset).to_le_bytes();
    for (to, from) in frame.iter_mut().zip(crc) {
        *to = from;
    }
}

fn checksum(frame: &[u8], seed: FrameSeed, offset: u64) -> u32 {
    let place = crc32c::crc32c_append(seed.crc, &offset.to_le_bytes());
    crc32c::crc32c_append(place, frame.get(CHECKED_FROM..).unwrap_or_default())
}
