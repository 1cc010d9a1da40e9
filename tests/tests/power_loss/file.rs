//! The bytes of a file: as they read, as they are durable, and the changes between the two.

use std::sync::Arc;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use crate::disk::Data;
use crate::journal::{Journal, State};

const SECTOR_BYTES: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) cached: Arc<Vec<u8>>,
    pub(crate) durable: Arc<Vec<u8>>,
    pub(crate) journal: Journal<DataChange>,
}

#[derive(Clone)]
pub(crate) enum DataChange {
    Written { at: usize, bytes: Arc<[u8]> },
    Cut { bytes: usize },
}

impl File {
    pub(crate) fn after(&self, data: Data, random: &mut ChaCha8Rng) -> Arc<Vec<u8>> {
        if self.journal.changes.is_empty() {
            return Arc::clone(&self.durable);
        }
        let mut bytes = self.durable.to_vec();
        let dirty: usize = self
            .journal
            .changes
            .iter()
            .map(|(_, _, change)| change.sectors())
            .sum();
        let torn_at = random.random_range(0..=dirty);
        let (mut sector, mut kept_whole) = (0, true);
        for (_, state, change) in &self.journal.changes {
            let mut keep = |_| {
                sector += 1;
                *state == State::Durable
                    || match data {
                        Data::Kept => true,
                        Data::Lost | Data::Zeros => false,
                        Data::Torn => sector <= torn_at,
                        Data::Sectors => random.random(),
                    }
            };
            kept_whole &= change.apply_sectors(&mut bytes, &mut keep);
        }
        // The file system stores lengths, and may write them before the bytes that they cover.
        let grows = match data {
            Data::Zeros => true,
            Data::Sectors | Data::Torn => random.random(),
            Data::Kept | Data::Lost => false,
        };
        if grows && !kept_whole && bytes.len() < self.cached.len() {
            bytes.resize(self.cached.len(), 0);
        }
        Arc::new(bytes)
    }
}

impl DataChange {
    pub(crate) fn apply(&self, to: &mut Vec<u8>) {
        self.apply_sectors(to, &mut |_| true);
    }

    fn sectors(&self) -> usize {
        match self {
            Self::Written { at, bytes } => {
                (at + bytes.len()).div_ceil(SECTOR_BYTES) - at / SECTOR_BYTES
            }
            Self::Cut { .. } => 1,
        }
    }

    /// Applies the sectors that are to be kept, and returns whether all of them were.
    fn apply_sectors(&self, to: &mut Vec<u8>, keep: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::Cut { bytes } => {
                let kept = keep(0);
                if kept {
                    to.resize(*bytes, 0);
                }
                kept
            }
            Self::Written { at, bytes } => {
                let (mut from, end, mut all) = (*at, at + bytes.len(), true);
                while from < end {
                    let until = end.min((from / SECTOR_BYTES + 1) * SECTOR_BYTES);
                    if keep(from / SECTOR_BYTES) {
                        to.resize(to.len().max(until), 0);
                        to[from..until].copy_from_slice(&bytes[from - at..until - at]);
                    } else {
                        all = false;
                    }
                    from = until;
                }
                all
            }
        }
    }
}
