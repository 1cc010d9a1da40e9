//! The code that reads bytes from outside: one row of [`READERS`] for each reader.
//!
//! A row has valid bytes, a function that repairs their checksums after a mutation, and a function
//! that reads all of them.
//!
//! A mutation alone only reaches the checksum. With the checksum repaired, it reaches the content
//! behind it: counts, offsets, rows, orders. The property tests (`tests/tests/mutations/`) and the
//! fuzz targets (`fuzz/`) share this table.

mod dump;
mod graph;
mod histories;
mod log;
mod log_files;
mod manifest;
mod mapping;
mod overlay;
mod page_token;
mod people;
mod pgoutput;
mod policy;
mod profiles;
mod query;
mod scratch;
mod times;
mod window;

/// A reader of bytes from outside.
#[derive(Debug)]
pub struct Reader {
    /// The name of the reader in a fuzz run.
    pub name: &'static str,
    /// Returns bytes that the reader accepts, made by the code that writes them.
    pub valid: fn() -> Vec<u8>,
    /// Repairs every checksum, as far as the bytes are present.
    pub reseal: fn(Vec<u8>) -> Vec<u8>,
    /// Reads everything and returns the content, or why it was refused. Panics if the reader does,
    /// or if the refusal of a file does not name the file.
    pub read: fn(&[u8]) -> Result<String, String>,
    /// The results that are allowed for mutated bytes without a repair.
    pub mutated: Mutated,
}

/// The results that are allowed for a mutation if no checksum is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutated {
    /// Every byte is under a checksum: the bytes are refused, or the content is the same.
    RefusedOrSame,
    /// A tail that is not known to be durable is cut: the bytes are refused, or the content is a
    /// prefix of the same.
    RefusedOrShorter,
    /// There is no checksum: any other content is allowed.
    Any,
}

/// All readers.
pub const READERS: [Reader; 18] = [
    graph::READER,
    times::READER,
    manifest::READER,
    overlay::READER,
    histories::READER,
    policy::READER,
    profiles::READER,
    profiles::SILENT,
    people::SEARCH_INDEX,
    people::LIVE_PROFILES,
    log::READER,
    log_files::READER,
    window::READER,
    query::READER,
    page_token::READER,
    dump::READER,
    mapping::READER,
    pgoutput::READER,
];

/// Returns the reader of this name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

fn nothing_to_seal(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// Returns the `N` bytes at `at`, if they are present.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Writes the checksum of a range of the bytes to `at`. Does nothing if either is not present.
fn seal(bytes: &mut [u8], range: std::ops::Range<usize>, at: usize) {
    if let Some(checksum) = bytes.get(range).map(crc32c::crc32c)
        && let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut())
    {
        *place = checksum.to_le_bytes();
    }
}

/// Returns the end of a section that is padded to a multiple of 64 bytes; `None` if it overflows.
fn end_of_section(start: usize, count: u64, width: u64) -> Option<usize> {
    let bytes = count.checked_mul(width)?.checked_next_multiple_of(64)?;
    start.checked_add(usize::try_from(bytes).ok()?)
}
