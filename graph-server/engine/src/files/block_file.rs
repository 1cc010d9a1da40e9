//! A file that is written in aligned blocks, and past the system's file cache on request.
//! `direct.rs` holds the reasons.

use std::{
    fs::{File, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};

use zerocopy::IntoBytes as _;

use crate::files::direct::{self, BLOCK_BYTES, Page};

/// The most unsynced bytes of a file that should bypass the cache but cannot. It keeps the sync at
/// the end short.
const UNSYNCED_BYTES_MAX: usize = 64 << 20;

/// A new file. Its content can be read after it is [synced](Self::sync).
pub(crate) struct BlockFile {
    file: File,
    manner: Manner,
    /// The place of the block in the file.
    block_at: u64,
    block: Vec<Page>,
    /// The part of the block that is filled and not written yet.
    filled: Range<usize>,
}

enum Manner {
    /// Bytes go through the cache, and the system decides when to write them.
    Cached,
    /// Whole blocks go past the cache, through this descriptor.
    Direct(File),
    /// Bytes go through the cache and are synced at intervals. Holds the number of bytes since the
    /// last sync.
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

    /// Writes whole blocks past the cache from here on. Where the file system cannot, syncs every
    /// 64 MiB instead.
    pub(crate) fn bypass_cache(&mut self) {
        self.manner = match direct::reopen(&self.file, OpenOptions::new().write(true)) {
            Ok(direct) => Manner::Direct(direct),
            Err(_) => Manner::SyncedAsItGoes(0),
        };
    }

    /// Returns the place of the next byte.
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

    /// Moves the place of the next byte.
    pub(crate) fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.write_block()?;
        let in_block = (at % BLOCK_BYTES as u64) as usize;
        self.block_at = at - in_block as u64;
        self.filled = in_block..in_block;
        Ok(())
    }

    /// Writes the rest and syncs the file, but not its directory.
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
            // Some file systems open such a file, but refuse to write it.
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
    use proptest::{collection::vec, prelude::*};

    const SECTION_BYTES: usize = 3_000_000;

    /// Returns bytes that differ from place to place.
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

    /// Writes directly at an unaligned place, which fails as on a file system without direct
    /// writing.
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
