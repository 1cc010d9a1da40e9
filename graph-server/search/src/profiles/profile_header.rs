//! The first 64 bytes of a file of profiles; the table in `profile_file.rs` lists them.

use crate::profiles::profile_file::CHECKSUM_BYTES;
use cloud_engine::FileError;
use cloud_model::LineageId;
use std::{iter, path::Path};

/// The maximum number of members in a snapshot. Document numbers of the index have 31 bits, and
/// tantivy reserves the highest.
pub const NODES_MAX: u32 = tantivy::TERMINATED;

const MAGIC: [u8; 8] = *b"CLOUDPRO";
const RECORDS_VERSION: u32 = 1;
const SILENT_VERSION: u32 = 2;
const NODE_COUNT_AT: usize = 32;
pub(crate) const HEADER_BYTES: u64 = 64;
pub(crate) const OFFSET_BYTES: u64 = 8;

/// The header of a file of profiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) lineage: LineageId,
    pub(crate) content: Content,
}

/// The form of the profiles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// One record a node.
    Records(Records),
    /// An empty profile for this many nodes, at most [`NODES_MAX`].
    Silent(u32),
}

/// The extent of the records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records {
    pub(crate) count: u64,
    pub(crate) end: u64,
    pub(crate) offsets_checksum: u32,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let (version, records) = match self.content {
            Content::Records(records) => (RECORDS_VERSION, records),
            Content::Silent(node_count) => (SILENT_VERSION, Records::none_of(node_count)),
        };
        let mut fields = Vec::with_capacity(HEADER_BYTES as usize);
        fields.extend(MAGIC);
        fields.extend(version.to_le_bytes());
        fields.extend([0; 4]);
        fields.extend(self.lineage.get().to_le_bytes());
        fields.extend(records.count.to_le_bytes());
        fields.extend(records.end.to_le_bytes());
        fields.extend(records.offsets_checksum.to_le_bytes());
        fields.extend([0; 8]);
        fields.extend(crc32c::crc32c(&fields).to_le_bytes());
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes.copy_from_slice(&fields);
        bytes
    }

    /// Parses a header; checks everything but the lineage.
    pub(crate) fn from_bytes(
        path: &Path,
        bytes: &[u8; HEADER_BYTES as usize],
    ) -> Result<Self, FileError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(FileError::WrongKind {
                path: path.to_owned(),
                kind: "profile",
            });
        }
        let version = u32::from_le_bytes(field(bytes, 8));
        if ![RECORDS_VERSION, SILENT_VERSION].contains(&version) {
            return Err(FileError::UnknownVersion {
                path: path.to_owned(),
                found: version,
                supported: SILENT_VERSION,
            });
        }
        let damaged = |at: usize, reason: String| FileError::Damaged {
            path: path.to_owned(),
            offset: at as u64,
            reason,
        };
        let (fields, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
        if crc32c::crc32c(fields).to_le_bytes() != checksum {
            let reason = "the checksum of the header does not match";
            return Err(damaged(0, reason.to_owned()));
        }
        let count = u64::from_le_bytes(field(bytes, NODE_COUNT_AT));
        let content = if version == RECORDS_VERSION {
            Content::Records(Records {
                count,
                end: u64::from_le_bytes(field(bytes, 40)),
                offsets_checksum: u32::from_le_bytes(field(bytes, 48)),
            })
        } else {
            // A silent file has no length that bounds this count.
            let node_count = u32::try_from(count).ok();
            let node_count = node_count.filter(|&count| count <= NODES_MAX);
            Content::Silent(node_count.ok_or_else(|| {
                let reason = format!("{count} nodes are more than the maximum of {NODES_MAX}");
                damaged(NODE_COUNT_AT, reason)
            })?)
        };
        let lineage = LineageId::new(u128::from_le_bytes(field(bytes, 16)));
        let header = Self { lineage, content };
        let differ = iter::zip(header.to_bytes(), bytes).position(|(one, other)| one != *other);
        match differ {
            None => Ok(header),
            Some(at) => {
                let reason = format!("a field has a value that version {version} does not allow");
                Err(damaged(at, reason))
            }
        }
    }

    /// Returns the length of a file with this header, or `None` if it overflows.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        match self.content {
            Content::Silent(_) => Some(HEADER_BYTES),
            Content::Records(records) => records
                .count
                .checked_add(1)?
                .checked_mul(OFFSET_BYTES)?
                .checked_add(records.end),
        }
    }
}

impl Records {
    /// Returns the records of a silent file's header: no bytes.
    fn none_of(node_count: u32) -> Self {
        Self {
            count: u64::from(node_count),
            end: HEADER_BYTES,
            offsets_checksum: 0,
        }
    }
}

/// Returns the `N` bytes at `at`, which are inside the header by construction.
fn field<const N: usize>(bytes: &[u8; HEADER_BYTES as usize], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes.get(at + index).copied().unwrap_or_default())
}
