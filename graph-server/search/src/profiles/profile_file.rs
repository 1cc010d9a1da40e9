//! The profiles of a snapshot: written once, read record by record with positioned reads, so that profiles that nobody asks
//! for take no memory.
//!
//! ```text
//! at                 bytes          what
//! 0                  8              magic "CLOUDPRO"
//! 8                  4              format version: 1, or 2 of a silent file
//! 12                 4              0
//! 16                 16             lineage id
//! 32                 8              node count n
//! 40                 8              where the records end (E)
//! 48                 4              CRC-32C of the offsets
//! 52                 8              0
//! 60                 4              CRC-32C of the 60 bytes before
//! 64                 E - 64         records, one a node, in order: CRC-32C (4) over the node's number (4) and the profile;
//!                                   then the profile, a protobuf message `cloud.v1.Profile`
//! E                  8 (n + 1)      offsets: where the record of each node begins; the last is E
//! ```
//!
//! All numbers are little-endian. The checksum of a record covers its node's number, so that a record that is read in another's
//! place is found out. The file is written to its end before the header is, and the snapshot's directory gets its name after
//! that: a half-written file is never opened.
//!
//! A *silent* file is what a dump without members makes: every node has an empty profile, so none is written. It is a header of
//! version 2 and nothing else, with 64 at 40 and 0 at 48.

use crate::profiles::profile_header::{Content, HEADER_BYTES, Header, OFFSET_BYTES, Records};
use cloud_engine::{FileError, NodeIndex};
use cloud_model::LineageId;
use cloud_profile::empty_profile;
use cloud_proto::cloud::v1::Profile;
use prost::Message as _;
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// The file's name in a snapshot directory.
pub const PROFILES_NAME: &str = "profiles.bin";

/// A profile, encoded. What changes bring is far below it.
pub const PROFILE_BYTES_MAX: usize = RECORD_BYTES_MAX as usize - CHECKSUM_BYTES;

pub(crate) const CHECKSUM_BYTES: usize = 4;
pub(crate) const RECORD_BYTES_MAX: u64 = 16 << 20;
/// Offsets are checked in blocks of this many bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// An open file of profiles.
#[derive(Debug)]
pub struct ProfileFile {
    path: PathBuf,
    file: File,
    header: Header,
}

impl ProfileFile {
    /// Opens the file and checks header, length and offsets. Reads 8 bytes a node, of a silent file none.
    ///
    /// # Errors
    /// When the file is damaged, of an unknown version, or of another lineage.
    pub fn open(path: &Path, lineage: LineageId) -> Result<Self, FileError> {
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
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

    /// How many nodes have a profile here: all below this number.
    #[must_use]
    pub fn node_count(&self) -> u64 {
        match self.header.content {
            Content::Records(records) => records.count,
            Content::Silent(node_count) => u64::from(node_count),
        }
    }

    /// Of a silent file, how many nodes have an empty profile; `None` when there are records.
    #[must_use]
    pub fn silent_nodes(&self) -> Option<u32> {
        match self.header.content {
            Content::Records(_) => None,
            Content::Silent(node_count) => Some(node_count),
        }
    }

    /// The profile of a node, whose member is `member_id` (a silent file does not know it); `None` for a node that the snapshot
    /// does not have. Two reads, of a silent file none.
    ///
    /// # Errors
    /// When the record is damaged, with where it stands.
    pub fn profile(&self, node: NodeIndex, member_id: u64) -> Result<Option<Profile>, FileError> {
        if u64::from(node.get()) >= self.node_count() {
            return Ok(None);
        }
        match self.header.content {
            Content::Records(records) => self.record(node, records).map(Some),
            Content::Silent(_) => Ok(Some(empty_profile(member_id))),
        }
    }

    fn record(&self, node: NodeIndex, records: Records) -> Result<Profile, FileError> {
        let at = records.end + u64::from(node.get()) * OFFSET_BYTES;
        let mut offsets = [[0; OFFSET_BYTES as usize]; 2];
        self.read(offsets.as_flattened_mut(), at)?;
        let [start, end] = offsets.map(u64::from_le_bytes);
        let length = end.checked_sub(start).filter(|&length| {
            start >= HEADER_BYTES
                && end <= records.end
                && (CHECKSUM_BYTES as u64..=RECORD_BYTES_MAX).contains(&length)
        });
        let Some(length) = length else {
            return Err(self.damaged(
                at,
                format!("a record cannot stand between {start} and {end}"),
            ));
        };
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
        let decoded = Profile::decode(profile);
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
                io::ErrorKind::UnexpectedEof => self.damaged(at, "the file ends before".to_owned()),
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

/// Over the node's number and the profile.
pub(crate) fn record_checksum(node: NodeIndex, profile: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&node.get().to_le_bytes()), profile)
}
