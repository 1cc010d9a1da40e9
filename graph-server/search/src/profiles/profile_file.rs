//! The profiles of a snapshot in a file that is written once. Positioned reads load one record at a
//! time, so a profile that is not requested takes no memory.
//!
//! ```text
//! at                 bytes          what
//! 0                  8              magic "CLOUDPRO"
//! 8                  4              format version: 1, or 2 of a silent file
//! 12                 4              0
//! 16                 16             lineage id
//! 32                 8              node count n
//! 40                 8              end of the records (E)
//! 48                 4              CRC-32C of the offsets
//! 52                 8              0
//! 60                 4              CRC-32C of the 60 bytes before
//! 64                 E - 64         records, one a node, in order: CRC-32C (4) over the node's
//!                                   number (4) and the profile; then the profile, a protobuf
//!                                   message `cloud_profile::ProfileRecord`
//! E                  8 (n + 1)      offsets: the start of each node's record; the last is E
//! ```
//!
//! All numbers are little-endian. The checksum of a record covers its node's number, which detects
//! a record that is read in place of another. The writer writes the header last, and the snapshot's
//! directory gets its name after that: a half-written file is never opened.
//!
//! A dump without members makes a *silent* file: every node has an empty profile, so no record is
//! written. The file is a header of version 2 and nothing else, with 64 at 40 and 0 at 48.

use crate::profiles::profile_header::{Content, HEADER_BYTES, Header, OFFSET_BYTES, Records};
use cloud_engine::{FileError, NodeIndex};
use cloud_files::open_plain;
use cloud_model::LineageId;
use cloud_profile::{ProfileRecord, empty_profile};
use prost::Message as _;
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// The file's name in a snapshot directory.
pub const PROFILES_NAME: &str = "profiles.bin";

/// The maximum size of an encoded profile in the file. The bounds of profiles are far below it, but
/// earlier versions had none.
pub const STORED_BYTES_MAX: usize = RECORD_BYTES_MAX as usize - CHECKSUM_BYTES;

pub(crate) const CHECKSUM_BYTES: usize = 4;
pub(crate) const RECORD_BYTES_MAX: u64 = 16 << 20;
/// The block size, in bytes, for checking the offsets.
const BLOCK_BYTES: usize = 1 << 20;

/// An open file of profiles.
#[derive(Debug)]
pub struct ProfileFile {
    path: PathBuf,
    file: File,
    header: Header,
}

impl ProfileFile {
    /// Opens the file and checks header, length and offsets. Reads 8 bytes a node; of a silent
    /// file, only the header.
    ///
    /// # Errors
    /// If the file is damaged, of an unknown version, or of another lineage.
    pub fn open(path: &Path, lineage: LineageId) -> Result<Self, FileError> {
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = open_plain(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        if length < HEADER_BYTES {
            return Err(FileError::WrongLength {
                path: path.to_owned(),
                expected: HEADER_BYTES,
                found: length,
            });
        }
        let mut bytes = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut bytes, 0).map_err(io)?;
        let header = Header::from_bytes(path, &bytes)?;
        if header.lineage != lineage {
            let found = header.lineage;
            return Err(FileError::ForeignLineage {
                path: path.to_owned(),
                expected: lineage,
                found,
            });
        }
        if header.file_bytes() != Some(length) {
            let expected = header.file_bytes().unwrap_or(u64::MAX);
            return Err(FileError::WrongLength {
                path: path.to_owned(),
                expected,
                found: length,
            });
        }
        let profiles = Self {
            path: path.to_owned(),
            file,
            header,
        };
        if let Content::Records(records) = header.content {
            profiles.check_offsets(records, length)?;
        }
        Ok(profiles)
    }

    /// Returns the number of nodes; every node below it has a profile.
    #[must_use]
    pub fn node_count(&self) -> u64 {
        match self.header.content {
            Content::Records(records) => records.count,
            Content::Silent(node_count) => u64::from(node_count),
        }
    }

    /// Returns the number of nodes of a silent file, or `None` when there are records.
    #[must_use]
    pub fn silent_nodes(&self) -> Option<u32> {
        match self.header.content {
            Content::Records(_) => None,
            Content::Silent(node_count) => Some(node_count),
        }
    }

    /// Returns the profile of a node, or `None` if the snapshot lacks the node. `member_id` is the
    /// node's member, which a silent file does not store. Takes two reads; of a silent file none.
    ///
    /// # Errors
    /// If the record is damaged; the error names its offset.
    pub fn profile(
        &self,
        node: NodeIndex,
        member_id: u64,
    ) -> Result<Option<ProfileRecord>, FileError> {
        if u64::from(node.get()) >= self.node_count() {
            return Ok(None);
        }
        match self.header.content {
            Content::Records(records) => self.record(node, records).map(Some),
            Content::Silent(_) => Ok(Some(empty_profile(member_id))),
        }
    }

    /// Returns the size of a node's record; 0 if there is none. Takes one read; of a silent file
    /// none.
    pub(crate) fn record_bytes(&self, node: NodeIndex) -> Result<u64, FileError> {
        match self.header.content {
            Content::Records(records) if u64::from(node.get()) < records.count => {
                Ok(self.extent(node, records)?.1)
            }
            Content::Records(_) | Content::Silent(_) => Ok(0),
        }
    }

    /// Returns the offset of a node's record, and its length.
    fn extent(&self, node: NodeIndex, records: Records) -> Result<(u64, u64), FileError> {
        let at = records.end + u64::from(node.get()) * OFFSET_BYTES;
        let mut offsets = [[0; OFFSET_BYTES as usize]; 2];
        self.read(offsets.as_flattened_mut(), at)?;
        let [start, end] = offsets.map(u64::from_le_bytes);
        let length = end.checked_sub(start).filter(|&length| {
            start >= HEADER_BYTES
                && end <= records.end
                && (CHECKSUM_BYTES as u64..=RECORD_BYTES_MAX).contains(&length)
        });
        let undelimited = || {
            let reason = format!("the offsets {start} and {end} do not delimit a record");
            self.damaged(at, reason)
        };
        Ok((start, length.ok_or_else(undelimited)?))
    }

    fn record(&self, node: NodeIndex, records: Records) -> Result<ProfileRecord, FileError> {
        let (start, length) = self.extent(node, records)?;
        let mut record = vec![0; length as usize];
        self.read(&mut record, start)?;
        let Some((checksum, profile)) = record.split_first_chunk::<CHECKSUM_BYTES>() else {
            return Err(self.damaged(start, "the record is shorter than its checksum".to_owned()));
        };
        if u32::from_le_bytes(*checksum) != record_checksum(node, profile) {
            return Err(self.damaged(
                start,
                format!("the checksum of node {node}'s profile does not match"),
            ));
        }
        let decoded = ProfileRecord::decode(profile);
        decoded.map_err(|error| self.damaged(start, format!("node {node}: {error}")))
    }

    fn check_offsets(&self, records: Records, length: u64) -> Result<(), FileError> {
        let mut checksum = 0;
        let mut at = records.end;
        let mut block = vec![0; BLOCK_BYTES];
        while at < length {
            let bytes = BLOCK_BYTES.min(usize::try_from(length - at).unwrap_or(BLOCK_BYTES));
            let (block, _) = block.split_at_mut(bytes);
            self.read(block, at)?;
            checksum = crc32c::crc32c_append(checksum, block);
            at += bytes as u64;
        }
        if checksum != records.offsets_checksum {
            let reason = "the checksum of the offsets does not match".to_owned();
            return Err(self.damaged(records.end, reason));
        }
        Ok(())
    }

    fn read(&self, into: &mut [u8], at: u64) -> Result<(), FileError> {
        self.file
            .read_exact_at(into, at)
            .map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof => {
                    self.damaged(at, "the file ends before this offset".to_owned())
                }
                _ => FileError::Io {
                    path: self.path.clone(),
                    source,
                },
            })
    }

    fn damaged(&self, offset: u64, reason: String) -> FileError {
        FileError::Damaged {
            path: self.path.clone(),
            offset,
            reason,
        }
    }
}

/// Returns the checksum over the node's number and the profile.
pub(crate) fn record_checksum(node: NodeIndex, profile: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&node.get().to_le_bytes()), profile)
}
