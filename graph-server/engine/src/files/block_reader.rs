//! Reads a file from front to back, in aligned blocks and past the system's file cache. `direct.rs`
//! holds the reasons.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
};

use zerocopy::IntoBytes as _;

use crate::files::direct::{self, PAGE_BYTES, Page};

/// A file, and the last block read from it.
pub(crate) struct BlockReader {
    file: File,
    /// The descriptor that bypasses the cache. `None` where the file system cannot.
    direct: Option<File>,
    block: Vec<Page>,
    block_at: u64,
    /// The bytes of the block that the file has.
    filled: usize,
}

impl BlockReader {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self {
            file: file.try_clone()?,
            direct: direct::reopen(file, OpenOptions::new().read(true)).ok(),
            block: direct::block(),
            block_at: 0,
            filled: 0,
        })
    }

    /// Reads like [`FileExt::read_exact_at`]. Quick where each call begins near the end of the
    /// previous one.
    pub(crate) fn read_exact_at(&mut self, mut buffer: &mut [u8], mut at: u64) -> io::Result<()> {
        let block_bytes = self.block.as_bytes().len() as u64;
        while !buffer.is_empty() {
            let in_block = at % block_bytes;
            if self.filled == 0 || self.block_at != at - in_block {
                self.fill(at - in_block)?;
            }
            let found = self.block.as_bytes()[..self.filled].get(in_block as usize..);
            let found = found.filter(|found| !found.is_empty());
            let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
            let (now, later) = buffer.split_at_mut(found.len().min(buffer.len()));
            now.copy_from_slice(&found[..now.len()]);
            at += now.len() as u64;
            buffer = later;
        }
        Ok(())
    }

    fn fill(&mut self, at: u64) -> io::Result<()> {
        self.filled = 0;
        self.block_at = at;
        if let Some(direct) = &self.direct {
            match read_at(direct, self.block.as_mut_bytes(), at) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.direct = None,
                read => {
                    self.filled = read?;
                    return Ok(());
                }
            }
        }
        self.filled = read_at(&self.file, self.block.as_mut_bytes(), at)?;
        Ok(())
    }
}

/// Fills the buffer up to the end of the file.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let read = file.read_at(&mut buffer[filled..], at + filled as u64)?;
        filled += read;
        // Only the end of a file is not a whole page.
        if read == 0 || filled % PAGE_BYTES != 0 {
            break;
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::direct::BLOCK_BYTES;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn reads_what_the_file_holds(
            length in 1..3 * BLOCK_BYTES,
            is_direct: bool,
            ranges in vec((0..3 * BLOCK_BYTES, 1..1_usize << 20), 1..30),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let content: Vec<u8> = (0..length)
                .map(|place| (place ^ (place >> 8)) as u8)
                .collect();
            std::fs::write(&path, &content).unwrap();
            let file = File::open(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let mut reader = BlockReader::of(&file).unwrap();
            if !is_direct {
                reader.direct = None;
            }
            for (start, bytes) in ranges {
                let mut read = vec![0; bytes];
                match (
                    reader.read_exact_at(&mut read, start as u64),
                    content.get(start..start + bytes),
                ) {
                    (Ok(()), Some(expected)) => prop_assert!(read == expected),
                    (Err(error), None) => {
                        prop_assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof)
                    }
                    other => prop_assert!(false, "{:?} at {start}, of {length}", other.0),
                }
            }
        }
    }
}
