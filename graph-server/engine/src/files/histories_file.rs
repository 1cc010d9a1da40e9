//! `histories.bin`: the histories of the newest windows up to a snapshot's point.
//!
//! A server that starts from the snapshot compares the points that callers send with them. A point
//! below the snapshot's would otherwise not be compared after a restart.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDHISTS"
//!    8     4  format version: 1
//!   12     4  zero
//!   16    16  lineage id
//!   32     8  number of points
//!   40    16  zeros
//!   56     4  CRC-32C of the points, padding included
//!   60     4  CRC-32C of bytes 0 to 59
//!   64        points: SCN (8), history (8), ascending; padded with zeros to a multiple of 64
//! ```

use std::{io::Read as _, path::Path};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::files::{
    file_error::FileError,
    file_identity::{check_lineage, check_start, check_whole, named_file},
    manifest::{FileRole, Manifest, ManifestFile},
    section_writer::SectionWriter,
};
use cloud_files::open_plain;
use cloud_model::{History, LineageId, LogPoint, Scn};

/// The file's name in a snapshot.
pub const HISTORIES_NAME: &str = "histories.bin";

const MAGIC: [u8; 8] = *b"CLDHISTS";
const FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
/// The most bytes that are read: a million points.
const BYTES_MAX: u64 = 16 << 20;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    format_version: u32,
    zero: u32,
    lineage_id: [u8; 16],
    points: u64,
    reserved: [u8; 16],
    points_crc32c: u32,
    header_crc32c: u32,
}

const _: () = assert!(std::mem::size_of::<Header>() == HEADER_BYTES);

/// A point as files hold it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct FilePoint {
    scn: u64,
    history: u64,
}

impl From<&LogPoint> for FilePoint {
    fn from(point: &LogPoint) -> Self {
        Self {
            scn: point.scn.get(),
            history: History::number(point.history),
        }
    }
}

impl From<&FilePoint> for LogPoint {
    fn from(point: &FilePoint) -> Self {
        Self {
            scn: Scn::new(point.scn),
            history: History::new(point.history),
        }
    }
}

/// Writes and syncs the points, ascending, into the directory of a snapshot.
///
/// # Errors
/// [`FileError::Io`] when the file cannot be written or synced.
pub fn write_histories(
    snapshot: &Path,
    lineage: LineageId,
    points: &[LogPoint],
) -> Result<ManifestFile, FileError> {
    let mut file =
        SectionWriter::create(snapshot, FileRole::Histories, HISTORIES_NAME, HEADER_BYTES)?;
    let points: Vec<FilePoint> = points.iter().map(FilePoint::from).collect();
    file.write(points.as_bytes())?;
    let points_crc32c = file.end_section()?;
    let mut header = Header {
        magic: MAGIC,
        format_version: FORMAT_VERSION,
        zero: 0,
        lineage_id: lineage.to_be_bytes(),
        points: points.len() as u64,
        reserved: [0; 16],
        points_crc32c,
        header_crc32c: 0,
    };
    header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    file.finish(header.as_bytes())
}

/// Reads the points of a snapshot; none if its manifest names no such file.
///
/// # Errors
/// [`FileError`] when the file is missing, damaged, or of another lineage.
pub fn read_histories(snapshot: &Path, manifest: &Manifest) -> Result<Vec<LogPoint>, FileError> {
    if manifest.file(HISTORIES_NAME).is_none() {
        return Ok(Vec::new());
    }
    let named = named_file(snapshot, manifest, HISTORIES_NAME)?;
    let path = snapshot.join(HISTORIES_NAME);
    let file = open_plain(&path).map_err(FileError::io(&path))?;
    let found = file.metadata().map_err(FileError::io(&path))?.len();
    if found != named.bytes || found > BYTES_MAX {
        return Err(FileError::WrongLength {
            path,
            expected: named.bytes.min(BYTES_MAX),
            found,
        });
    }
    let mut bytes = Vec::new();
    let read = file.take(BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(FileError::io(&path))?;
    let damaged = |offset, reason: &str| FileError::damaged(&path, offset, reason);
    let Ok((header, rest)) = Header::read_from_prefix(&bytes) else {
        return Err(damaged(0, "the header is not whole"));
    };
    check_start(
        &path,
        "histories",
        &header.magic,
        &MAGIC,
        header.format_version,
        FORMAT_VERSION..=FORMAT_VERSION,
    )?;
    if crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]) != header.header_crc32c {
        return Err(damaged(0, "checksum of the header does not match"));
    }
    check_lineage(&path, manifest.lineage_id, header.lineage_id)?;
    if crc32c::crc32c(rest) != header.points_crc32c {
        return Err(damaged(64, "checksum of the points does not match"));
    }
    check_whole(&path, named, crc32c::crc32c(&bytes))?;
    points(rest, header.points).ok_or_else(|| damaged(64, "the points are not whole"))
}

/// Returns the first points in a section; `None` if it holds fewer.
pub(crate) fn points(section: &[u8], count: u64) -> Option<Vec<LogPoint>> {
    let bytes = usize::try_from(count)
        .ok()?
        .checked_mul(size_of::<FilePoint>())?;
    let (points, rest) = section.get(..bytes)?.as_chunks();
    debug_assert!(rest.is_empty(), "a whole number of points");
    let point = |bytes: &[u8; size_of::<FilePoint>()]| {
        FilePoint::read_from_bytes(bytes)
            .ok()
            .map(|point| LogPoint::from(&point))
    };
    points.iter().map(point).collect()
}
