//! `times.bin`: the time of each connection, aligned with the graph's targets. Cold: read on
//! demand, not mapped.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDTIMES"
//!    8     4  format version: 2
//!   12     4  bytes of a block: 65,536
//!   16    16  lineage id
//!   32     8  times
//!   40    16  zeros
//!   56     4  CRC-32C of the table, padding included
//!   60     4  CRC-32C of bytes 0 to 59
//!   64        times: 8 bytes each, milliseconds since 1970, 0 when unknown;
//!                    in blocks, of which the last may be shorter
//!             table: a CRC-32C (4 bytes) of each block,
//!                    padded with zeros to a multiple of 64 of the file
//! ```
//!
//! The table comes last, so that times can be written before their number is known.
//!
//! The table stays in memory: half a byte for 8 KiB of times. A block is verified each time it is
//! read, so damage to the disk after the start is detected too.

use std::{
    fs::File,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::{
    base::digest::{ContentDigest, ContentHasher},
    files::{
        block_reader::BlockReader,
        file_error::FileError,
        file_identity::{check_lineage, check_start, named_file},
        manifest::{FileRole, Manifest, ManifestFile},
        section_writer::{SectionWriter, padded},
    },
    memory::shared_array::{Array, FileBytes},
};
use cloud_files::open_plain;
use cloud_model::LineageId;

/// The times' name in a snapshot directory.
pub const TIMES_NAME: &str = "times.bin";

const MAGIC: [u8; 8] = *b"CLDTIMES";
const FORMAT_VERSION: u32 = 2;
const HEADER_BYTES: usize = 64;
const BLOCK_BYTES: u64 = 64 * 1024;
/// The times of a block, which is read and verified as a whole.
pub(crate) const TIMES_PER_BLOCK: u64 = BLOCK_BYTES / 8;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    format_version: u32,
    block_bytes: u32,
    lineage_id: [u8; 16],
    times: u64,
    reserved: [u8; 16],
    table_crc32c: u32,
    header_crc32c: u32,
}

const _: () = assert!(std::mem::size_of::<Header>() == HEADER_BYTES);

/// An opened file of times.
pub(crate) struct TimesFile {
    path: PathBuf,
    file: File,
    times: u64,
    table: Box<[u32]>,
}

/// A file being written.
pub(crate) struct TimesWriter {
    file: SectionWriter,
    /// The times that are not written yet: less than a block.
    block: Vec<u64>,
    table: Vec<u32>,
    times: u64,
    hasher: ContentHasher,
}

/// A file that is complete except for its header.
pub(crate) struct UnsealedTimes {
    file: SectionWriter,
    times: u64,
    table_crc32c: u32,
    /// The digest of the times as little-endian numbers.
    pub(crate) digest: ContentDigest,
}

impl TimesWriter {
    pub(crate) fn create(directory: &Path) -> Result<Self, FileError> {
        Ok(Self {
            file: SectionWriter::create(directory, FileRole::Times, TIMES_NAME, HEADER_BYTES)?,
            block: Vec::with_capacity(TIMES_PER_BLOCK as usize),
            table: Vec::new(),
            times: 0,
            hasher: ContentHasher::new(),
        })
    }

    pub(crate) fn bypass_cache(&mut self) {
        self.file.bypass_cache();
    }

    /// Appends the times of the next targets.
    pub(crate) fn push(&mut self, mut times: &[u64]) -> Result<(), FileError> {
        self.times += times.len() as u64;
        while !times.is_empty() {
            let wanted = TIMES_PER_BLOCK as usize - self.block.len();
            let (front, rest) = times.split_at(wanted.min(times.len()));
            times = rest;
            if front.len() == TIMES_PER_BLOCK as usize {
                self.write_block(front)?;
                continue;
            }
            self.block.extend_from_slice(front);
            if front.len() == wanted {
                self.write_open_block()?;
            }
        }
        Ok(())
    }

    /// Appends unknown times for the next targets.
    pub(crate) fn push_unknown(&mut self, targets: usize) -> Result<(), FileError> {
        static UNKNOWN: [u64; TIMES_PER_BLOCK as usize] = [0; TIMES_PER_BLOCK as usize];
        let mut left = targets;
        while left > 0 {
            // Fills the current block first, so that the rest is written in whole blocks.
            let wanted = (TIMES_PER_BLOCK as usize - self.block.len()).min(left);
            self.push(&UNKNOWN[..wanted])?;
            left -= wanted;
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<UnsealedTimes, FileError> {
        if !self.block.is_empty() {
            self.write_open_block()?;
        }
        self.file.close_section();
        self.file.write(self.table.as_bytes())?;
        let table_crc32c = self.file.end_section()?;
        Ok(UnsealedTimes {
            file: self.file,
            times: self.times,
            table_crc32c,
            digest: self.hasher.finish(),
        })
    }

    fn write_open_block(&mut self) -> Result<(), FileError> {
        let mut block = std::mem::take(&mut self.block);
        self.write_block(&block)?;
        block.clear();
        self.block = block;
        Ok(())
    }

    fn write_block(&mut self, block: &[u64]) -> Result<(), FileError> {
        let bytes = block.as_bytes();
        self.table.push(crc32c::crc32c(bytes));
        self.hasher.update(bytes);
        if block.iter().all(|&time| time == 0) {
            self.file.write_zeros(bytes.len() as u64)
        } else {
            self.file.write(bytes)
        }
    }
}

impl UnsealedTimes {
    /// Writes the header and syncs the file.
    pub(crate) fn seal(self, lineage: LineageId) -> Result<ManifestFile, FileError> {
        let mut header = Header {
            magic: MAGIC,
            format_version: FORMAT_VERSION,
            block_bytes: BLOCK_BYTES as u32,
            lineage_id: lineage.get().to_be_bytes(),
            times: self.times,
            reserved: [0; 16],
            table_crc32c: self.table_crc32c,
            header_crc32c: 0,
        };
        header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
        self.file.finish(header.as_bytes())
    }
}

/// Maps all times without verifying them, for a file that this process has just written. Errors
/// when there are fewer than `times`.
pub(crate) fn map(directory: &Path, times: u64) -> Result<Array<u64>, FileError> {
    let path = directory.join(TIMES_NAME);
    let file = open_plain(&path).map_err(FileError::io(&path))?;
    let map = FileBytes::open(&file).map_err(FileError::io(&path))?;
    let array = map.array(HEADER_BYTES..HEADER_BYTES + times as usize * 8);
    array.ok_or_else(|| FileError::WrongLength {
        path,
        expected: HEADER_BYTES as u64 + times * 8,
        found: map.len() as u64,
    })
}

impl TimesFile {
    /// Opens the file that the manifest names, and verifies its header and table. `times` is the
    /// number that the graph needs.
    pub(crate) fn open(
        snapshot: &Path,
        manifest: &Manifest,
        times: u64,
    ) -> Result<Self, FileError> {
        let path = snapshot.join(TIMES_NAME);
        let named = named_file(snapshot, manifest, TIMES_NAME)?;
        let file = open_plain(&path).map_err(FileError::io(&path))?;
        let length = file.metadata().map_err(FileError::io(&path))?.len();
        let blocks = times.div_ceil(TIMES_PER_BLOCK);
        let table_at = HEADER_BYTES as u64 + times * 8;
        let expected = padded(table_at + blocks * 4);
        if length != named.bytes || length != expected {
            return Err(FileError::WrongLength {
                path,
                expected,
                found: length,
            });
        }
        let mut header = Header::new_zeroed();
        file.read_exact_at(header.as_mut_bytes(), 0)
            .map_err(FileError::io(&path))?;
        check_header(&path, &header, manifest.lineage_id, times)?;
        let mut table = vec![0u32; ((expected - table_at) / 4) as usize];
        file.read_exact_at(table.as_mut_bytes(), table_at)
            .map_err(FileError::io(&path))?;
        if crc32c::crc32c(table.as_bytes()) != header.table_crc32c {
            return Err(FileError::damaged(
                &path,
                table_at,
                "checksum of the table of checksums does not match",
            ));
        }
        Ok(Self {
            path,
            file,
            times,
            table: table.into(),
        })
    }

    /// Returns the times of these targets. Reads and verifies whole blocks.
    pub(crate) fn read(&self, targets: Range<u64>) -> Result<Vec<u64>, FileError> {
        self.read_by(targets, |buffer, at| self.file.read_exact_at(buffer, at))
    }

    /// Opens a reader for [`read_in_order`](Self::read_in_order).
    pub(crate) fn reader(&self) -> Result<BlockReader, FileError> {
        BlockReader::of(&self.file).map_err(FileError::io(&self.path))
    }

    /// Returns the times of these targets, read past the system's cache, for a caller that reads
    /// all of them in order.
    pub(crate) fn read_in_order(
        &self,
        targets: Range<u64>,
        reader: &mut BlockReader,
    ) -> Result<Vec<u64>, FileError> {
        self.read_by(targets, |buffer, at| reader.read_exact_at(buffer, at))
    }

    fn read_by(
        &self,
        targets: Range<u64>,
        read_exact_at: impl FnOnce(&mut [u8], u64) -> io::Result<()>,
    ) -> Result<Vec<u64>, FileError> {
        debug_assert!(targets.end <= self.times);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let first = targets.start / TIMES_PER_BLOCK;
        let blocks = first..targets.end.div_ceil(TIMES_PER_BLOCK);
        let read = first * TIMES_PER_BLOCK..(blocks.end * TIMES_PER_BLOCK).min(self.times);
        let mut times = vec![0; (read.end - read.start) as usize];
        let at = HEADER_BYTES as u64 + read.start * 8;
        read_exact_at(times.as_mut_bytes(), at).map_err(FileError::io(&self.path))?;
        for (block, content) in blocks.zip(times.chunks(TIMES_PER_BLOCK as usize)) {
            if self.table.get(block as usize) != Some(&crc32c::crc32c(content.as_bytes())) {
                let offset = HEADER_BYTES as u64 + block * BLOCK_BYTES;
                return Err(FileError::damaged(
                    &self.path,
                    offset,
                    "checksum of a block of times does not match",
                ));
            }
        }
        times.truncate((targets.end - read.start) as usize);
        times.drain(..(targets.start - read.start) as usize);
        Ok(times)
    }

    /// Reads and verifies every block.
    pub(crate) fn verify(&self) -> Result<(), FileError> {
        const BATCH: u64 = 16 * TIMES_PER_BLOCK;
        let mut reader = self.reader()?;
        let mut start = 0;
        while start < self.times {
            let end = (start + BATCH).min(self.times);
            self.read_in_order(start..end, &mut reader)?;
            start = end;
        }
        Ok(())
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn memory_bytes(&self) -> u64 {
        std::mem::size_of_val(&*self.table) as u64
    }
}

fn check_header(
    path: &Path,
    header: &Header,
    lineage: LineageId,
    times: u64,
) -> Result<(), FileError> {
    check_start(
        path,
        "times",
        &header.magic,
        &MAGIC,
        header.format_version,
        FORMAT_VERSION..=FORMAT_VERSION,
    )?;
    if crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]) != header.header_crc32c {
        return Err(FileError::damaged(
            path,
            0,
            "checksum of the header does not match",
        ));
    }
    check_lineage(path, lineage, header.lineage_id)?;
    if u64::from(header.block_bytes) != BLOCK_BYTES {
        return Err(FileError::damaged(
            path,
            12,
            format!("blocks of {} bytes", header.block_bytes),
        ));
    }
    if header.times != times {
        return Err(FileError::damaged(
            path,
            32,
            format!("{} times for {times} targets", header.times),
        ));
    }
    Ok(())
}
