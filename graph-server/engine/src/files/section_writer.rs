//! Writes a snapshot file in sections, each at a multiple of 64 bytes, and computes their
//! checksums. Sections may be written in another order than they stand in.

use std::path::{Path, PathBuf};

use crate::files::{
    block_file::BlockFile,
    file_error::FileError,
    manifest::{FileRole, ManifestFile},
};

/// The alignment of sections: enough for any number type, and the length of a cache line.
pub(crate) const ALIGNMENT: u64 = 64;

/// Returns the bytes that a section of this length takes.
pub(crate) fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

/// A file being written. The space for the header stays free until [`finish`](Self::finish).
pub(crate) struct SectionWriter {
    path: PathBuf,
    role: FileRole,
    name: String,
    file: BlockFile,
    /// The section that is being written.
    open: Section,
    /// The finished sections, in the order in which they were written.
    ended: Vec<Section>,
    header_bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct Section {
    at: u64,
    crc32c: u32,
    bytes: u64,
}

impl SectionWriter {
    pub(crate) fn create(
        directory: &Path,
        role: FileRole,
        name: &str,
        header_bytes: usize,
    ) -> Result<Self, FileError> {
        let path = directory.join(name);
        let file = BlockFile::create(&path).map_err(FileError::io(&path))?;
        let mut writer = Self {
            path,
            role,
            name: name.to_owned(),
            file,
            open: Section::default(),
            ended: Vec::new(),
            header_bytes: header_bytes as u64,
        };
        writer.go_to(writer.header_bytes)?;
        Ok(writer)
    }

    /// Writes whole blocks past the cache, by [`BlockFile::bypass_cache`].
    pub(crate) fn bypass_cache(&mut self) {
        self.file.bypass_cache();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends these bytes to the section.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.open.crc32c = crc32c::crc32c_append(self.open.crc32c, bytes);
        self.open.bytes += bytes.len() as u64;
        self.file.write(bytes).map_err(FileError::io(&self.path))
    }

    fn seek(&mut self, at: u64) -> Result<(), FileError> {
        self.file.go_to(at).map_err(FileError::io(&self.path))
    }

    /// Appends zeros to the section. They take no room on the disk where the file system supports
    /// holes.
    pub(crate) fn write_zeros(&mut self, bytes: u64) -> Result<(), FileError> {
        const ZEROS: [u8; 1 << 12] = [0; 1 << 12];
        let mut left = bytes as usize;
        while left > 0 {
            let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
            self.open.crc32c = crc32c::crc32c_append(self.open.crc32c, zeros);
            left -= zeros.len();
        }
        self.open.bytes += bytes;
        self.seek(self.file.at() + bytes)
    }

    /// Pads the section with zeros, and returns the CRC-32C of all its bytes.
    pub(crate) fn end_section(&mut self) -> Result<u32, FileError> {
        let padding = padded(self.file.at()) - self.file.at();
        self.write(&[0; ALIGNMENT as usize][..padding as usize])?;
        Ok(self.close_section())
    }

    /// Moves the place of the next section. A gap must be filled later by a section that ends where
    /// another begins.
    pub(crate) fn go_to(&mut self, at: u64) -> Result<(), FileError> {
        debug_assert_eq!(self.open.bytes, 0, "between two sections");
        self.seek(at)?;
        self.open.at = at;
        Ok(())
    }

    /// Ends the section at its current length, and returns its CRC-32C.
    pub(crate) fn close_section(&mut self) -> u32 {
        let next = Section {
            at: self.file.at(),
            ..Section::default()
        };
        let ended = std::mem::replace(&mut self.open, next);
        self.ended.push(ended);
        ended.crc32c
    }

    /// Writes the header and syncs the file, but not its directory. The last section may be
    /// unpadded.
    pub(crate) fn finish(mut self, header: &[u8]) -> Result<ManifestFile, FileError> {
        debug_assert_eq!(header.len() as u64, self.header_bytes);
        self.close_section();
        self.go_to(0)?;
        let written = self.file.write(header).and_then(|()| self.file.sync());
        written.map_err(FileError::io(&self.path))?;
        self.ended.sort_by_key(|section| section.at);
        let (mut crc32c, mut bytes) = (crc32c::crc32c(header), self.header_bytes);
        for section in self.ended.iter().filter(|section| section.bytes > 0) {
            debug_assert_eq!(section.at, bytes, "sections leave nothing out");
            crc32c = crc32c::crc32c_combine(crc32c, section.crc32c, section.bytes as usize);
            bytes += section.bytes;
        }
        Ok(ManifestFile::new(self.role, self.name, bytes, crc32c))
    }
}
