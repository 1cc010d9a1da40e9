//! Writes the profiles of a snapshot, node by node; the table in `profile_file.rs` lists the bytes.
//!
//! It streams, and keeps 8 bytes a node in memory.

use crate::profiles::{
    profile_file::{CHECKSUM_BYTES, RECORD_BYTES_MAX, record_checksum},
    profile_header::{Content, HEADER_BYTES, Header, Records},
};
use cloud_engine::{ContentDigest, ContentHasher, FileError, FileRole, ManifestFile, NodeIndex};
use cloud_model::LineageId;
use cloud_profile::ProfileRecord;
use prost::Message as _;
use std::{
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// A file of profiles that is being written.
pub struct ProfileFileWriter {
    path: PathBuf,
    file: BufWriter<File>,
    offsets: Vec<u64>,
    /// The offset of the next record.
    end: u64,
    /// The checksum of the records so far.
    checksum: u32,
    hasher: ContentHasher,
    record: Vec<u8>,
}

impl ProfileFileWriter {
    /// Creates the file, which must not exist.
    ///
    /// # Errors
    /// If the system reports an error.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = BufWriter::with_capacity(1 << 20, File::create_new(path).map_err(io)?);
        file.write_all(&[0; HEADER_BYTES as usize]).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            offsets: vec![HEADER_BYTES],
            end: HEADER_BYTES,
            checksum: 0,
            hasher: ContentHasher::new(),
            record: Vec::new(),
        })
    }

    /// Writes the profile of the next node.
    ///
    /// # Errors
    /// If the system reports an error, or the profile is longer than 16 MiB.
    pub fn push(&mut self, profile: &ProfileRecord) -> Result<(), FileError> {
        let node = u32::try_from(self.offsets.len() - 1)
            .map_err(|_| self.refused("too many nodes".to_owned()))?;
        self.record.clear();
        self.record.extend([0; CHECKSUM_BYTES]);
        profile
            .encode(&mut self.record)
            .map_err(|error| self.refused(error.to_string()))?;
        if self.record.len() as u64 > RECORD_BYTES_MAX {
            return Err(self.refused(format!(
                "node {node}'s profile is longer than {RECORD_BYTES_MAX} bytes"
            )));
        }
        if let Some((checksum, profile)) = self.record.split_first_chunk_mut::<CHECKSUM_BYTES>() {
            *checksum = record_checksum(NodeIndex::new(node), profile).to_le_bytes();
        }
        self.file
            .write_all(&self.record)
            .map_err(|source| FileError::Io {
                path: self.path.clone(),
                source,
            })?;
        self.checksum = crc32c::crc32c_append(self.checksum, &self.record);
        self.hasher
            .update(&(self.record.len() as u64).to_le_bytes());
        self.hasher.update(&self.record);
        self.end += self.record.len() as u64;
        self.offsets.push(self.end);
        Ok(())
    }

    /// Returns a digest of the profiles so far. It covers their content, not their offsets.
    #[must_use]
    pub fn content_digest(&self) -> ContentDigest {
        self.hasher.finish()
    }

    /// Writes the offsets and the header, and syncs the file.
    ///
    /// # Errors
    /// If the system reports an error.
    pub fn finish(mut self, lineage: LineageId) -> Result<ManifestFile, FileError> {
        let path = self.path.clone();
        let io = |source| FileError::Io {
            path: path.clone(),
            source,
        };
        let mut offsets_checksum = 0;
        for offset in &self.offsets {
            let bytes = offset.to_le_bytes();
            offsets_checksum = crc32c::crc32c_append(offsets_checksum, &bytes);
            self.file.write_all(&bytes).map_err(io)?;
        }
        let file = self
            .file
            .into_inner()
            .map_err(|error| io(error.into_error()))?;
        let records = Records {
            count: self.offsets.len() as u64 - 1,
            end: self.end,
            offsets_checksum,
        };
        let content = Content::Records(records);
        let header = Header { lineage, content }.to_bytes();
        file.write_all_at(&header, 0).map_err(io)?;
        file.sync_all().map_err(io)?;

        let offsets_bytes = size_of_val(self.offsets.as_slice());
        let records_bytes = usize::try_from(self.end - HEADER_BYTES).unwrap_or(usize::MAX);
        let crc32c = crc32c::crc32c_combine(crc32c::crc32c(&header), self.checksum, records_bytes);
        let crc32c = crc32c::crc32c_combine(crc32c, offsets_checksum, offsets_bytes);
        let name = self
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bytes = self.end + offsets_bytes as u64;
        Ok(ManifestFile::new(FileRole::Profiles, name, bytes, crc32c))
    }

    fn refused(&self, reason: String) -> FileError {
        FileError::Damaged {
            path: self.path.clone(),
            offset: self.end,
            reason,
        }
    }
}
