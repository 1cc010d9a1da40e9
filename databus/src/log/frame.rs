//! A frame: one part of a window in a segment, or a mark that says how far the segment is durable.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | crc32c over the segment's seed, the frame's offset in the segment, and all bytes of the frame after these four |
//! | 4 | 4 | length of the body; 0: a mark |
//! | 8 | 8 | `durable_to`: every byte of the segment below this offset was synced when the frame was written |
//! | 16 | length | the body: a `WindowPart` in protobuf, at most 1 MiB |
//!
//! Integers are little-endian. The seed is the checksum of the segment's header, which holds a random salt: a frame is
//! good in its own segment at its own offset only, so neither a stale block of another file, nor a frame that a publisher
//! wrote into the text of a profile, passes for one. A region of zeros is no frame, since `durable_to` is never below the
//! header's length.
//!
//! **Why a crash at any byte is survived.** Whatever was not synced may be there, missing, zero or torn by the sector. A
//! frame that is not whole fails its checksum; the first that fails ends what is read. What tells a torn tail from rot is
//! `durable_to`: everything below the highest one in the segment was synced, so it must be there. A good frame *behind*
//! the first bad one may carry it, so the rest of the segment is searched: if a good frame there says that the bad one was
//! durable, the file is refused; otherwise nothing behind the bad one was ever acknowledged, and it is cut.

use crate::limits::PART_BYTES_MAX;

/// What stands before the body.
pub(crate) const FRAME_HEAD_BYTES: usize = 16;

/// Where the checksummed bytes begin.
const CHECKED_FROM: usize = 4;

/// The segment's part in its frames' checksums, and the least that `durable_to` can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameSeed {
    pub(crate) crc: u32,
    pub(crate) header_bytes: u64,
}

/// Why there is no frame where one should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameFault {
    #[error("a frame of {body_bytes} bytes, more than {}", PART_BYTES_MAX)]
    TooLong { body_bytes: usize },
    #[error("a frame that says byte {durable_to} was durable before it")]
    DurableTo { durable_to: u64 },
    #[error("a frame with checksum {found:08x}, and {written:08x} was written")]
    Checksum { found: u32, written: u32 },
}

/// What stands before the body, as read: nothing of it is checked yet.
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

    /// The whole frame's length.
    pub(crate) fn frame_bytes(&self) -> usize {
        FRAME_HEAD_BYTES + self.body_bytes
    }

    /// Whether a frame that stands at the offset can have this head. O(1).
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

/// Appends a frame that will stand at an offset; `body` appends its bytes.
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
