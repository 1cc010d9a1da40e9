//! `times.bin`: when each connection was made, aligned with the graph's targets. Cold: read where it is asked for, not mapped.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDTIMES"
//!    8     4  format version: 1
//!   12     4  bytes of a block: 65,536
//!   16    16  lineage id
//!   32     8  times
//!   40    16  zeros
//!   56     4  CRC-32C of the table, padding included
//!   60     4  CRC-32C of bytes 0 to 59
//!   64        table: a CRC-32C (4 bytes) of each block, padded with zeros to a multiple of 64
//!             times: 8 bytes each, milliseconds since 1970, 0 when unknown; in blocks, the last one may be shorter
//! ```
//!
//! The table stays in memory: half a byte for 8 KiB of times. A block is verified each time it is read, so what rots on disk
//! after the start is noticed too.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::file_error::FileError;
use crate::file_identity::{check_lineage, check_start, named_file};
use crate::ids::LineageId;
use crate::manifest::{Manifest, ManifestFile};
use crate::section_writer::{SectionWriter, padded};

/// The times' name in a snapshot directory.
pub const TIMES_NAME: &str = "times.bin";

const MAGIC: [u8; 8] = *b"CLDTIMES";
const FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const BLOCK_BYTES: u64 = 64 * 1024;
const TIMES_PER_BLOCK: u64 = BLOCK_BYTES / 8;

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
    /// Where the first block begins.
    blocks_at: u64,
    table: Box<[u32]>,
}

/// Writes and syncs the file.
pub(crate) fn write(
    directory: &Path,
    lineage: LineageId,
    times: &[u64],
) -> Result<ManifestFile, FileError> {
    let mut file = SectionWriter::create(directory, TIMES_NAME, HEADER_BYTES)?;
    let blocks = times.chunks(TIMES_PER_BLOCK as usize);
    let table: Vec<u32> = blocks
        .map(|block| crc32c::crc32c(block.as_bytes()))
        .collect();
    file.write(table.as_bytes())?;
    let table_crc32c = file.end_section()?;
    file.write(times.as_bytes())?;
    let mut header = Header {
        magic: MAGIC,
        format_version: FORMAT_VERSION,
        block_bytes: BLOCK_BYTES as u32,
        lineage_id: lineage.get().to_be_bytes(),
        times: times.len() as u64,
        reserved: [0; 16],
        table_crc32c,
        header_crc32c: 0,
    };
    header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    file.finish(header.as_bytes())
}

impl TimesFile {
    /// Opens the file that the manifest names, and verifies its header and table. `times` is what the graph needs.
    pub(crate) fn open(
        snapshot: &Path,
        manifest: &Manifest,
        times: u64,
    ) -> Result<Self, FileError> {
        let path = snapshot.join(TIMES_NAME);
        let named = named_file(snapshot, manifest, TIMES_NAME)?;
        let file = File::open(&path).map_err(FileError::io(&path))?;
        let length = file.metadata().map_err(FileError::io(&path))?.len();
        let blocks = times.div_ceil(TIMES_PER_BLOCK);
        let blocks_at = HEADER_BYTES as u64 + padded(blocks * 4);
        let expected = blocks_at + times * 8;
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
        let mut table = vec![0u32; ((blocks_at - HEADER_BYTES as u64) / 4) as usize];
        file.read_exact_at(table.as_mut_bytes(), HEADER_BYTES as u64)
            .map_err(FileError::io(&path))?;
        if crc32c::crc32c(table.as_bytes()) != header.table_crc32c {
            return Err(FileError::damaged(
                &path,
                HEADER_BYTES as u64,
                "checksum of the table of checksums",
            ));
        }
        Ok(Self {
            path,
            file,
            times,
            blocks_at,
            table: table.into(),
        })
    }

    /// The times of these targets. Reads and verifies whole blocks.
    pub(crate) fn read(&self, targets: Range<u64>) -> Result<Vec<u64>, FileError> {
        debug_assert!(targets.end <= self.times);
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let first = targets.start / TIMES_PER_BLOCK;
        let blocks = first..targets.end.div_ceil(TIMES_PER_BLOCK);
        let read = first * TIMES_PER_BLOCK..(blocks.end * TIMES_PER_BLOCK).min(self.times);
        let mut times = vec![0; (read.end - read.start) as usize];
        let at = self.blocks_at + read.start * 8;
        self.file
            .read_exact_at(times.as_mut_bytes(), at)
            .map_err(FileError::io(&self.path))?;
        for (block, content) in blocks.zip(times.chunks(TIMES_PER_BLOCK as usize)) {
            if self.table.get(block as usize) != Some(&crc32c::crc32c(content.as_bytes())) {
                let offset = self.blocks_at + block * BLOCK_BYTES;
                return Err(FileError::damaged(
                    &self.path,
                    offset,
                    "checksum of a block of times",
                ));
            }
        }
        times.truncate((targets.end - read.start) as usize);
        times.drain(..(targets.start - read.start) as usize);
        Ok(times)
    }

    /// Memory in use.
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
        FORMAT_VERSION,
    )?;
    if crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]) != header.header_crc32c {
        return Err(FileError::damaged(path, 0, "checksum of the header"));
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
