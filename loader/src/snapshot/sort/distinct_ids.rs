//! Finds the distinct ends of all connections, ascending. They are the members if there is no
//! members file.
//!
//! Ids of a narrow span are marked in a bitmap. Other ids go into hash sets, one for each of many
//! partitions. So a set fits a core's cache while a buffer of ids is added to it. When the sets
//! outgrow the memory, the connections are read again, once for each half of the ids, by a bit of
//! their hashes.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::{
    job::error::Error,
    snapshot::{
        memory::{BYTES_PER_MEMBER, Memory},
        sort::raw_edges::{RawBlocks, RawEdges},
    },
};

/// The bits that a bitmap may take per connection: less memory than the connections themselves.
const BITMAP_BITS_PER_CONNECTION: u64 = 32;
const PARTITIONS: usize = 1024;
/// The number of ids that a worker gathers for a partition.
const BUFFER_LENGTH: usize = 256;
/// The number of ids that are looked up together.
const IDS_AT_ONCE: usize = 64;
/// The number of slots that a set begins with.
const SLOTS_MIN: usize = 64;
/// The bytes that all sets may take under any limit: twice what they begin with.
const SETS_BYTES_MIN: u64 = (2 * PARTITIONS * SLOTS_MIN * size_of::<u64>()) as u64;

/// Returns the distinct ids of all connections. `ends` are the lowest and the highest id. A pass
/// over m connections takes O(m); a small memory needs several passes.
pub(crate) fn distinct_ids(
    blocks: &RawBlocks<'_>,
    ends: Option<(u64, u64)>,
    memory: &Memory,
) -> Result<Vec<u64>, Error> {
    let Some((first, last)) = ends else {
        return Ok(Vec::new());
    };
    let bits = last - first;
    if bits < blocks.len().saturating_mul(BITMAP_BITS_PER_CONNECTION) && bits / 8 < memory.left() {
        marked(blocks, first, last)
    } else {
        in_sets(blocks, memory)
    }
}

fn marked(blocks: &RawBlocks<'_>, first: u64, last: u64) -> Result<Vec<u64>, Error> {
    let words = ((last - first) / 64 + 1) as usize;
    let bitmap: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
    let mark = |_: &mut (), block: &RawEdges| {
        for id in block.ids() {
            let (word, bit) = (((id - first) / 64) as usize, 1 << ((id - first) % 64));
            // Most ids are marked already. Reading first keeps the cache line shared between the
            // cores.
            if let Some(word) = bitmap.get(word)
                && word.load(Ordering::Relaxed) & bit == 0
            {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    blocks.for_each(|| (), mark)?;
    let mut ids = Vec::with_capacity(
        bitmap
            .iter()
            .map(|word| word.load(Ordering::Relaxed).count_ones() as usize)
            .sum(),
    );
    for (index, word) in bitmap.iter().enumerate() {
        let mut bits = word.load(Ordering::Relaxed);
        while bits != 0 {
            ids.push(first + index as u64 * 64 + u64::from(bits.trailing_zeros()));
            bits &= bits - 1;
        }
    }
    Ok(ids)
}

/// The ids whose hashes end with these bits.
#[derive(Debug, Clone, Copy)]
struct Group {
    bits: u64,
    mask: u64,
}

impl Group {
    fn halves(self) -> [Self; 2] {
        let mask = self.mask << 1 | 1;
        [self.bits, self.bits | (self.mask + 1)].map(|bits| Self { bits, mask })
    }
}

fn in_sets(blocks: &RawBlocks<'_>, memory: &Memory) -> Result<Vec<u64>, Error> {
    let mut ids = Vec::new();
    let mut groups = vec![Group { bits: 0, mask: 0 }];
    while let Some(group) = groups.pop() {
        let found = BYTES_PER_MEMBER * ids.len() as u64;
        let bytes_max = memory.left().saturating_sub(found).max(memory.left() / 4);
        match group_in_sets(blocks, group, bytes_max)? {
            Some(sets) => {
                ids.reserve_exact(sets.iter().map(|set| set.length).sum());
                ids.extend(sets.iter().flat_map(IdSet::ids));
            }
            None => groups.extend(group.halves()),
        }
    }
    ids.par_sort_unstable();
    Ok(ids)
}

/// Collects the ids of a group. Returns `None` if the sets would take more than `bytes_max`.
fn group_in_sets(
    blocks: &RawBlocks<'_>,
    group: Group,
    bytes_max: u64,
) -> Result<Option<Vec<IdSet>>, Error> {
    let sets = Sets {
        sets: (0..PARTITIONS).map(|_| Mutex::default()).collect(),
        bytes: AtomicU64::new(0),
        bytes_max: bytes_max.max(SETS_BYTES_MIN),
        is_too_large: AtomicBool::new(false),
    };
    let new_buffers = || Buffers {
        sets: &sets,
        buffers: vec![Vec::new(); PARTITIONS],
    };
    blocks.for_each(new_buffers, |buffers, block| {
        for id in block.ids() {
            buffers.add(id, group);
        }
        Ok(())
    })?;
    if sets.is_too_large.into_inner() {
        return Ok(None);
    }
    let sets = sets.sets.into_iter();
    Ok(Some(
        sets.map(|set| set.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect(),
    ))
}

struct Sets {
    sets: Vec<Mutex<IdSet>>,
    bytes: AtomicU64,
    bytes_max: u64,
    is_too_large: AtomicBool,
}

/// The buffers of one worker. When they are dropped, their remaining ids are added to the sets.
struct Buffers<'a> {
    sets: &'a Sets,
    buffers: Vec<Vec<u64>>,
}

impl Buffers<'_> {
    #[inline]
    fn add(&mut self, id: u64, group: Group) {
        let hash = hash(id);
        let partition = (hash >> (u64::BITS - PARTITIONS.ilog2())) as usize;
        if hash & group.mask != group.bits {
            return;
        }
        if let Some(buffer) = self.buffers.get_mut(partition) {
            buffer.push(id);
            if buffer.len() >= BUFFER_LENGTH {
                self.sets.add_all(partition, buffer);
            }
        }
    }
}

impl Drop for Buffers<'_> {
    fn drop(&mut self) {
        for (partition, mut buffer) in mem::take(&mut self.buffers).into_iter().enumerate() {
            self.sets.add_all(partition, &mut buffer);
        }
    }
}

impl Sets {
    fn add_all(&self, partition: usize, buffer: &mut Vec<u64>) {
        if !self.is_too_large.load(Ordering::Relaxed)
            && let Some(set) = self.sets.get(partition)
        {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            let before = set.slots.len();
            set.add_all(buffer);
            let grown = (set.slots.len() - before) * size_of::<u64>();
            if grown > 0 {
                let bytes = self.bytes.fetch_add(grown as u64, Ordering::Relaxed);
                if bytes + grown as u64 > self.bytes_max {
                    self.is_too_large.store(true, Ordering::Relaxed);
                }
            }
        }
        buffer.clear();
    }
}

/// A hash set with open addressing and linear probing. No id is 0, so 0 marks a free slot.
#[derive(Debug, Default)]
struct IdSet {
    slots: Vec<u64>,
    length: usize,
}

impl IdSet {
    /// Adds ids. Most of them are in the set already, in the first slot where they may be. The
    /// first slots of many ids are read together, so that the processor waits for memory only once.
    fn add_all(&mut self, ids: &[u64]) {
        for ids in ids.chunks(IDS_AT_ONCE) {
            let mut first_slots = [0; IDS_AT_ONCE];
            for (first, &id) in first_slots.iter_mut().zip(ids) {
                *first = self.slots.get(self.first_index(id)).copied().unwrap_or(0);
            }
            for (first, &id) in first_slots.iter().zip(ids) {
                if *first != id {
                    self.add(id);
                }
            }
        }
    }

    /// Returns the first slot of an id. It depends on bits of the hash that do not choose the
    /// partition nor, in most cases, the group.
    fn first_index(&self, id: u64) -> usize {
        (hash(id) >> 20) as usize & self.slots.len().wrapping_sub(1)
    }

    fn add(&mut self, id: u64) {
        if self.length * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut index = self.first_index(id);
        while let Some(slot) = self.slots.get_mut(index) {
            if *slot == id {
                return;
            }
            if *slot == 0 {
                *slot = id;
                self.length += 1;
                return;
            }
            index = (index + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        let old = mem::replace(self, Self { slots, length: 0 });
        old.ids().for_each(|id| self.add(id));
    }

    fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.slots.iter().copied().filter(|&id| id != 0)
    }
}

/// Finishes a hash as MurmurHash3 does: every bit of the id affects every bit of the hash.
#[inline]
fn hash(id: u64) -> u64 {
    let mixed = (id ^ (id >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::memory::MemoryLimit;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn check(edges: &[(u64, u64)], block_length: usize, held_bytes: Option<u64>) {
        let expected: BTreeSet<u64> = edges
            .iter()
            .flat_map(|&(one, other)| [one, other])
            .collect();
        let expected: Vec<u64> = expected.into_iter().collect();
        let limit = MemoryLimit::of_machine();
        let limit = held_bytes.map_or(limit, |bytes| limit.spilling_above(bytes));
        let (memory, directory) = (Memory::new(limit), tempfile::tempdir().unwrap());
        let blocks = RawBlocks::new(directory.path(), &memory).unwrap();
        for chunk in edges.chunks(block_length) {
            let mut block = RawEdges::default();
            chunk
                .iter()
                .for_each(|&(one, other)| block.push::<false>(one, other, 0));
            blocks.hand_over(&mut block).unwrap();
        }
        let ends = expected.first().copied().zip(expected.last().copied());
        assert_eq!(distinct_ids(&blocks, ends, &memory).unwrap(), expected);
        assert_eq!(in_sets(&blocks, &memory).unwrap(), expected);
        assert_eq!(blocks.len(), edges.len() as u64);
    }

    proptest! {
        #[test]
        fn both_ways_equal_a_set(
            narrow in prop::collection::vec((1u64..500, 1u64..500), 0..300),
            wide in prop::collection::vec((1u64.., 1u64..), 0..300),
            block_length in 1usize..50,
            held_bytes in prop::sample::select(vec![None, Some(0u64), Some(2_000), Some(200_000)]),
        ) {
            check(&narrow, block_length, held_bytes);
            check(&wide, block_length, held_bytes);
        }
    }

    #[test]
    fn sets_that_outgrow_the_memory_are_made_in_groups() {
        let edges: Vec<_> = (1..=200_000u64)
            .map(|id| (id << 40, (id / 3 + 1) << 40))
            .collect();
        for held_bytes in [None, Some(4_000_000), Some(200_000)] {
            check(&edges, 1 << 10, held_bytes);
        }
    }
}
