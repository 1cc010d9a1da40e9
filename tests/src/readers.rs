//! What reads bytes from outside, each as one row of [`READERS`]: valid bytes, how to make their checksums right again after a
//! mutation, and a call that reads all of them.
//!
//! A mutation alone only meets the checksum. With the checksum repaired it reaches what stands behind: counts, offsets, rows,
//! orders. The property tests (`tests/mutations.rs`) and the fuzz targets (`fuzz/`) share this table.

mod dump;
mod graph;
mod log;
mod log_files;
mod manifest;
mod overlay;
mod page_token;
mod people;
mod profiles;
mod query;
mod scratch;
mod times;
mod window;

/// One of them.
#[derive(Debug)]
pub struct Reader {
    /// What a fuzz run calls it.
    pub name: &'static str,
    /// Bytes that it takes, made by what writes them.
    pub valid: fn() -> Vec<u8>,
    /// Makes every checksum right, as far as the bytes are there.
    pub reseal: fn(Vec<u8>) -> Vec<u8>,
    /// Reads everything there is; answers the content, or why it was refused. Panics when the reader does, or when a refusal of a
    /// file does not name it.
    pub read: fn(&[u8]) -> Result<String, String>,
    /// What mutated bytes may still be without a repair.
    pub mutated: Mutated,
}

/// What a mutation may lead to when no checksum is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutated {
    /// Every byte is under a checksum: refused, or the same content.
    RefusedOrSame,
    /// A tail that nothing says was durable is cut: refused, or the same content up to somewhere.
    RefusedOrShorter,
    /// No checksum: another content is as good as the first.
    Any,
}

/// All of them.
pub const READERS: [Reader; 14] = [
    graph::READER,
    times::READER,
    manifest::READER,
    overlay::READER,
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
];

/// The reader of this name.
pub fn reader(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

fn nothing_to_seal(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// The `N` bytes at `at`, when they are there.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Puts the checksum of a range of the bytes at `at`. Nothing, when either is not there.
fn seal(bytes: &mut [u8], range: std::ops::Range<usize>, at: usize) {
    if let Some(checksum) = bytes.get(range).map(crc32c::crc32c)
        && let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut())
    {
        *place = checksum.to_le_bytes();
    }
}

/// Where a section ends that is padded to a multiple of 64 bytes. None: beyond what can be counted.
fn end_of_section(start: usize, count: u64, width: u64) -> Option<usize> {
    let bytes = count.checked_mul(width)?.checked_next_multiple_of(64)?;
    start.checked_add(usize::try_from(bytes).ok()?)
}
