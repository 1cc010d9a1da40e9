//! Writes a snapshot file in sections that each begin at a multiple of 64 bytes, and keeps their checksums.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::file_error::FileError;
use crate::manifest::ManifestFile;

/// Where sections begin: any number type is aligned there, and a cache line begins.
pub(crate) const ALIGNMENT: u64 = 64;

/// The bytes that a section of this length takes.
pub(crate) fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT)
}

/// A file being written: the header's place is left free until [`finish`](Self::finish).
pub(crate) struct SectionWriter {
    path: PathBuf,
    name: String,
    file: BufWriter<File>,
    bytes: u64,
    /// Of the section that is being written.
    crc32c: u32,
    /// Where that section begins.
    section_at: u64,
    /// Of the sections before it.
    whole: u32,
    header_bytes: u64,
}

impl SectionWriter {
    pub(crate) fn create(
        directory: &Path,
        name: &str,
        header_bytes: usize,
    ) -> Result<Self, FileError> {
        let path = directory.join(name);
        let file = File::create(&path).map_err(FileError::io(&path))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&vec![0; header_bytes])
            .map_err(FileError::io(&path))?;
        let header_bytes = header_bytes as u64;
        Ok(Self {
            path,
            name: name.to_owned(),
            file,
            bytes: header_bytes,
            crc32c: 0,
            section_at: header_bytes,
            whole: 0,
            header_bytes,
        })
    }

    /// The section goes on with these bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(bytes)
            .map_err(FileError::io(&self.path))?;
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Fills the section up with zeros, and answers the CRC-32C of all its bytes.
    pub(crate) fn end_section(&mut self) -> Result<u32, FileError> {
        let padding = padded(self.bytes) - self.bytes;
        self.write(&[0; ALIGNMENT as usize][..padding as usize])?;
        Ok(self.close_section())
    }

    fn close_section(&mut self) -> u32 {
        let crc32c = std::mem::take(&mut self.crc32c);
        let bytes = (self.bytes - self.section_at) as usize;
        self.whole = crc32c::crc32c_combine(self.whole, crc32c, bytes);
        self.section_at = self.bytes;
        crc32c
    }

    /// Writes the header and syncs the file, but not its directory. The last section need not have been filled up.
    pub(crate) fn finish(mut self, header: &[u8]) -> Result<ManifestFile, FileError> {
        debug_assert_eq!(header.len() as u64, self.header_bytes);
        self.close_section();
        let io = |error| FileError::io(&self.path)(error);
        self.file.seek(SeekFrom::Start(0)).map_err(io)?;
        self.file.write_all(header).map_err(io)?;
        self.file.flush().map_err(io)?;
        self.file.get_ref().sync_all().map_err(io)?;
        let after_header = (self.bytes - self.header_bytes) as usize;
        let crc32c = crc32c::crc32c_combine(crc32c::crc32c(header), self.whole, after_header);
        Ok(ManifestFile {
            name: self.name,
            bytes: self.bytes,
            crc32c,
        })
    }
}
