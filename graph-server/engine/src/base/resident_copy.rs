//! Copies a mapped base into memory, piece by piece, while it is read.
//!
//! A map of a file stands in the pages of the system's file cache, which are of 4 KiB on many
//! systems, and which the system evicts. A copy stands in large pages ([`LargeArray`]) and stays in
//! memory. (Bench group `large-pages`.)
//!
//! The checksum is taken of the bytes that were copied, and compared with the manifest's: what is
//! then read is what was written.

use std::{io, sync::Arc};

use crate::{
    base::base_graph::Base,
    files::file_error::FileError,
    memory::large_array::{LARGE_PAGE_BYTES, LargeArray, Purpose},
};

/// A copy of a base that is being made.
pub struct ResidentCopy {
    base: Arc<Base>,
    bytes: LargeArray<u8>,
    copied: usize,
    crc32c: u32,
}

impl ResidentCopy {
    /// Reserves the memory. `None` if the base is not mapped from a file.
    ///
    /// # Errors
    /// The system's error if there is no memory.
    pub fn begin(base: &Arc<Base>) -> io::Result<Option<Self>> {
        let Some(mapped) = base.mapped_file() else {
            return Ok(None);
        };
        Ok(Some(Self {
            bytes: LargeArray::mapped(Purpose::Graph, mapped.len())?,
            base: Arc::clone(base),
            copied: 0,
            crc32c: 0,
        }))
    }

    /// Returns the number of bytes that are copied, and of all.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.copied as u64, self.bytes.len() as u64)
    }

    /// Copies the next 2 MiB, and returns whether there are more.
    pub fn step(&mut self) -> bool {
        let Some(file) = self.base.mapped_file() else {
            return false;
        };
        let end = (self.copied + LARGE_PAGE_BYTES).min(self.bytes.len());
        let piece = self.copied..end;
        self.bytes[piece.clone()].copy_from_slice(&file[piece.clone()]);
        self.crc32c = crc32c::crc32c_append(self.crc32c, &self.bytes[piece]);
        self.copied = end;
        end < self.bytes.len()
    }

    /// Copies the rest, and returns the base in memory.
    ///
    /// # Errors
    /// [`FileError`] if the bytes are not those that the manifest names.
    pub fn finish(mut self) -> Result<Base, FileError> {
        while self.step() {}
        self.base.resident(self.bytes.into(), self.crc32c)
    }
}
