//! The header of a segment: its log, the segment that it continues, and how far it holds each
//! source.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `CLOUDLOG` |
//! | 8 | 4 | format version: 2 |
//! | 12 | 4 | length of the header, all of this table |
//! | 16 | 16 | `log_id` |
//! | 32 | 16 | origin: the lineage of the graph that the log began with |
//! | 48 | 8 | SCN of the first window in the segment, also the file's name |
//! | 56 | 8 | the preceding segment's first SCN; 0: the log begins here |
//! | 64 | 8 | end of the preceding segment: every byte below was synced, and no byte from there on counts |
//! | 72 | 8 | salt, random |
//! | 80 | 8 | history before the first window |
//! | 88 | 8 | time at which the segment was begun, in ms since 1970 |
//! | 96 | 4 | number of sources, at most 1,024; then for each |
//! | | 2, n | length of the source's id, and the id |
//! | | 8, 8 | its last offset before this segment, and the SCN of the window that carried it |
//! | end - 4 | 4 | crc32c over everything before |
//!
//! Integers are little-endian, the two 128-bit ids big-endian (as they are printed). Version 1
//! lacks the 16 bytes from offset 80 on, and its segments' windows have no histories. It is still
//! read; a log's next segment is of version 2.
//!
//! **Why a crash at any byte is safe.** A segment is written under another name, synced, and only
//! then renamed. Nothing in it is acknowledged before the folder is synced. A header that is
//! invalid was therefore damaged later. The end of the preceding segment is stored *here*. A
//! segment whose sync failed therefore ends durably in the same step in which its successor begins,
//! whatever the failed pages hold.

use super::frame::FrameSeed;
use crate::limits::{SOURCE_ID_BYTES_MAX, SOURCES_MAX};
use cloud_model::{History, LineageId, LogId, Scn, SourceMark};
use rand::{TryRngCore as _, rngs::OsRng};
use std::io;

/// The length of the longest header.
pub(crate) const HEADER_BYTES_MAX: usize =
    FIXED_BYTES + SOURCES_MAX * (2 + SOURCE_ID_BYTES_MAX + 16);

/// The number of bytes that must be read to know the length of the header.
pub(crate) const PREFIX_BYTES: usize = 16;

const MAGIC: [u8; 8] = *b"CLOUDLOG";
const VERSION_AT: usize = 8;
const VERSION: u32 = 2;
/// The version before histories.
const VERSION_1: u32 = 1;
const FIXED_BYTES: usize = 104;
const FIXED_BYTES_1: usize = 88;

/// A segment's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) log_id: LogId,
    pub(crate) origin: LineageId,
    pub(crate) first_scn: u64,
    pub(crate) previous: Option<Previous>,
    pub(crate) salt: u64,
    /// The facts that version 1 does not state.
    pub(crate) begun: Option<Begun>,
    pub(crate) sources: Vec<SourceMark>,
}

/// The segment that another one continues, and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) first_scn: u64,
    pub(crate) end: u64,
}

/// The facts that a segment states since version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The history before the first window.
    pub(crate) history_before: History,
    /// The time at which the segment was begun, in ms since 1970. Nothing was written to an earlier
    /// segment afterwards.
    pub(crate) at_ms: u64,
}

/// The reason why bytes are not a header of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    NotASegment,
    FutureVersion { version: u32, supported: u32 },
    Damaged { offset: u64, reason: String },
}

/// Returns a new segment's salt, from the system's source of randomness.
pub(crate) fn random_salt() -> io::Result<u64> {
    OsRng.try_next_u64().map_err(io::Error::other)
}

impl SegmentHeader {
    /// Returns the header's bytes, and the seed with which the frames behind it are checked.
    pub(crate) fn encode(&self) -> (Vec<u8>, FrameSeed) {
        let sources: usize = self
            .sources
            .iter()
            .map(|source| 2 + source.source_id.len() + 16)
            .sum();
        let (version, fixed_bytes) = match self.begun {
            Some(_) => (VERSION, FIXED_BYTES),
            None => (VERSION_1, FIXED_BYTES_1),
        };
        let length = fixed_bytes + sources;
        let previous = self.previous.unwrap_or(Previous {
            first_scn: 0,
            end: 0,
        });
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(MAGIC);
        bytes.extend(version.to_le_bytes());
        bytes.extend((length as u32).to_le_bytes());
        bytes.extend(self.log_id.to_be_bytes());
        bytes.extend(self.origin.to_be_bytes());
        for number in [self.first_scn, previous.first_scn, previous.end, self.salt] {
            bytes.extend(number.to_le_bytes());
        }
        if let Some(begun) = self.begun {
            bytes.extend(begun.history_before.get().to_le_bytes());
            bytes.extend(begun.at_ms.to_le_bytes());
        }
        bytes.extend((self.sources.len() as u32).to_le_bytes());
        for source in &self.sources {
            bytes.extend((source.source_id.len() as u16).to_le_bytes());
            bytes.extend(source.source_id.as_bytes());
            bytes.extend(source.offset.to_le_bytes());
            bytes.extend(source.scn.get().to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_le_bytes());
        (
            bytes,
            FrameSeed {
                crc,
                header_bytes: length as u64,
            },
        )
    }

    /// Returns the length of the header, from its first bytes.
    pub(crate) fn length(prefix: &[u8]) -> Result<usize, HeaderError> {
        let mut fields = Fields { rest: prefix };
        if fields.take() != Some(MAGIC) {
            return Err(HeaderError::NotASegment);
        }
        let fixed_bytes = match fields.u32() {
            Some(VERSION) => FIXED_BYTES,
            Some(VERSION_1) => FIXED_BYTES_1,
            Some(version) if version > VERSION => {
                return Err(HeaderError::FutureVersion {
                    version,
                    supported: VERSION,
                });
            }
            _ => return Err(HeaderError::NotASegment),
        };
        match fields.u32().map(|length| length as usize) {
            Some(length) if (fixed_bytes..=HEADER_BYTES_MAX).contains(&length) => Ok(length),
            _ => Err(damaged(12, "the header's length is not possible")),
        }
    }

    /// Decodes a whole header. Also returns the seed with which the frames behind it are checked.
    pub(crate) fn decode(header: &[u8]) -> Result<(Self, FrameSeed), HeaderError> {
        let length = Self::length(header)?;
        if header.len() != length {
            return Err(damaged(header.len(), "the header ends early"));
        }
        let Some((checked, crc)) = header.split_last_chunk() else {
            return Err(damaged(0, "the header ends early"));
        };
        let crc = u32::from_le_bytes(*crc);
        if crc32c::crc32c(checked) != crc {
            return Err(damaged(0, "the header's checksum is wrong"));
        }
        let seed = FrameSeed {
            crc,
            header_bytes: length as u64,
        };
        match Self::fields(checked) {
            Some(decoded) => Ok((decoded, seed)),
            None => Err(damaged(PREFIX_BYTES, "the header's fields are invalid")),
        }
    }

    fn fields(checked: &[u8]) -> Option<Self> {
        let mut fields = Fields {
            rest: checked.get(VERSION_AT..)?,
        };
        let version = fields.u32()?;
        fields.u32()?;
        let log_id = LogId::from_be_bytes(fields.take()?);
        let origin = LineageId::from_be_bytes(fields.take()?);
        let first_scn = fields.u64()?;
        let previous = Previous {
            first_scn: fields.u64()?,
            end: fields.u64()?,
        };
        let salt = fields.u64()?;
        let begun = match version {
            VERSION_1 => None,
            _ => Some(Begun {
                history_before: History::new(fields.u64()?)?,
                at_ms: fields.u64()?,
            }),
        };
        let count = fields.u32()? as usize;
        if first_scn == 0 || previous.first_scn >= first_scn || count > SOURCES_MAX {
            return None;
        }
        let mut sources = Vec::with_capacity(count);
        for _ in 0..count {
            let id_bytes = u16::from_le_bytes(fields.take()?);
            let source_id = std::str::from_utf8(fields.slice(id_bytes.into())?)
                .ok()?
                .to_owned();
            sources.push(SourceMark {
                source_id,
                offset: fields.u64()?,
                scn: Scn::new(fields.u64()?),
            });
        }
        let previous = (previous.first_scn != 0).then_some(previous);
        let whole = fields.rest.is_empty();
        whole.then_some(Self {
            log_id,
            origin,
            first_scn,
            previous,
            salt,
            begun,
            sources,
        })
    }
}

/// The fields that are not read yet. Each step checks that the field is there.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn slice(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(field)
    }

    fn take<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

fn damaged(offset: usize, reason: &str) -> HeaderError {
    HeaderError::Damaged {
        offset: offset as u64,
        reason: reason.to_owned(),
    }
}
