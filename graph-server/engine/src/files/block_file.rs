//! A file that is written in aligned blocks, and past the system's file cache where that is wanted; see `direct.rs`.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use zerocopy::IntoBytes as _;

use crate::files::direct::{self, BLOCK_BYTES, Page};

/// What waits for the disk, at most, of a file that ought to go past the cache and cannot: so that syncing it at the end takes no
/// long time.
const UNSYNCED_BYTES_MAX: usize = 64 << 20;

/// A new file. What was written can be read when it is [synced](Self::sync).
pub(crate) struct BlockFile {
    file: File,
    manner: Manner,
    /// Where the block stands.
    block_at: u64,
    block: Vec<Page>,
    /// What is in the block and not written yet.
    filled: Range<usize>,
}

enum Manner {
    /// As the system sees fit.
    Cached,
    /// Whole blocks go past the cache, through this.
    Direct(File),
    /// So many bytes are written since the last sync.
    SyncedAsItGoes(usize),
}

impl BlockFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            manner: Manner::Cached,
            block_at: 0,
            block: direct::block(),
            filled: 0..0,
        })
    }

    /// From here on, whole blocks are written past the cache. Where the file system cannot, what is written is synced every 64 MiB.
    pub(crate) fn bypass_cache(&mut self) {
        self.manner = match direct::reopen(&self.file, OpenOptions::new().write(true)) {
            Ok(direct) => Manner::Direct(direct),
            Err(_) => Manner::SyncedAsItGoes(0),
        };
    }

    /// Where the next byte goes.
    pub(crate) fn at(&self) -> u64 {
        self.block_at + self.filled.end as u64
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.filled.end;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            let place = self.filled.end..self.filled.end + now.len();
            self.block.as_mut_bytes()[place.clone()].copy_from_slice(now);
            self.filled.end = place.end;
            bytes = later;
            if now.len() == room {
                self.write_block()?;
            }
        }
        Ok(())
    }

    /// The next byte goes to this place.
    pub(crate) fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.write_block()?;
        let in_block = (at % BLOCK_BYTES as u64) as usize;
        self.block_at = at - in_block as u64;
        self.filled = in_block..in_block;
        Ok(())
    }

    /// Writes what is left and syncs the file, but not its directory.
    pub(crate) fn sync(mut self) -> io::Result<()> {
        self.write_block()?;
        self.file.sync_all()
    }

    fn write_block(&mut self) -> io::Result<()> {
        let bytes = &self.block.as_bytes()[self.filled.clone()];
        let at = self.block_at + self.filled.start as u64;
        let written = match &self.manner {
            Manner::Direct(direct) if bytes.len() == BLOCK_BYTES => direct.write_all_at(bytes, at),
            _ => self.file.write_all_at(bytes, at),
        };
        match written {
            // Some file systems open such a file, and refuse to write it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.manner = Manner::SyncedAsItGoes(0);
                self.file.write_all_at(bytes, at)?;
            }
            other => other?,
        }
        if let Manner::SyncedAsItGoes(unsynced) = &mut self.manner {
            *unsynced += bytes.len();
            if *unsynced >= UNSYNCED_BYTES_MAX {
                *unsynced = 0;
                self.file.sync_data()?;
            }
        }
        if self.filled.end == BLOCK_BYTES {
            self.block_at += BLOCK_BYTES as u64;
            self.filled.end = 0;
        }
        self.filled.start = self.filled.end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const SECTION_BYTES: usize = 3_000_000;

    /// Bytes that tell one place from others.
    fn bytes(places: Range<usize>) -> Vec<u8> {
        places
            .map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8)
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn holds_what_was_written_in_any_order_and_manner(
            manner in 0..3,
            sections in Just(vec![0, 1, 2, 3]).prop_shuffle(),
            lengths in vec(1..2_500_000_usize, 1..9),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let mut file = BlockFile::create(&path).unwrap();
            match manner {
                0 => {}
                1 => file.bypass_cache(),
                _ => file.manner = Manner::SyncedAsItGoes(UNSYNCED_BYTES_MAX - 5_000_000),
            }
            let mut lengths = lengths.into_iter().cycle();
            for section in &sections {
                let mut left = section * SECTION_BYTES..(section + 1) * SECTION_BYTES;
                file.go_to(left.start as u64).unwrap();
                while !left.is_empty() {
                    let end = left.end.min(left.start + lengths.next().unwrap());
                    file.write(&bytes(left.start..end)).unwrap();
                    prop_assert_eq!(file.at(), end as u64);
                    left.start = end;
                }
            }
            file.sync().unwrap();
            let written = std::fs::read(&path).unwrap();
            prop_assert!(written == bytes(0..sections.len() * SECTION_BYTES));
        }
    }

    /// At a place that is not aligned, which is what a file system refuses that takes nothing directly.
    #[test]
    fn goes_on_in_the_cache_where_direct_writing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = BlockFile::create(&path).unwrap();
        file.bypass_cache();
        file.block_at = 100;
        file.write(&bytes(0..2 * BLOCK_BYTES + 1)).unwrap();
        assert!(matches!(file.manner, Manner::SyncedAsItGoes(_)));
        file.sync().unwrap();
        let written = std::fs::read(&path).unwrap();
        assert!(written[100..] == bytes(0..2 * BLOCK_BYTES + 1));
    }
}
