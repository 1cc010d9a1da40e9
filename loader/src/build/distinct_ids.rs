//! The distinct ends of all connections, ascending: who the members are when there is no members file.
//!
//! Ids of a narrow span are marked in a bitmap. Others are thrown into partitions by a hash, where repeats are dropped
//! whenever a partition has doubled: the memory is bounded by the distinct ids, not by the connections.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::raw_edges::RawEdges;

/// A bitmap may take this many bits for each connection: less memory than the connections themselves.
const BITMAP_BITS_PER_CONNECTION: u64 = 32;
const PARTITIONS: usize = 1024;
/// Below this many a partition is not worth sorting.
const LENGTH_MIN: usize = 1 << 12;

/// O(m) for a narrow span; O(m log n/p) otherwise, with m connections, n distinct ids and p partitions.
pub(crate) fn distinct_ids(blocks: &[RawEdges]) -> Vec<u64> {
    let spans = || blocks.iter().flat_map(RawEdges::ends);
    let (Some(first), Some(last)) = (
        spans().map(|(low, _)| low).min(),
        spans().map(|(_, high)| high).max(),
    ) else {
        return Vec::new();
    };
    let connections: u64 = blocks.iter().map(|block| block.len() as u64).sum();
    if last - first < connections.saturating_mul(BITMAP_BITS_PER_CONNECTION) {
        marked(blocks, first, last)
    } else {
        partitioned(blocks)
    }
}

fn marked(blocks: &[RawEdges], first: u64, last: u64) -> Vec<u64> {
    let words = ((last - first) / 64 + 1) as usize;
    let bitmap: Vec<AtomicU64> = (0..words).map(|_| AtomicU64::new(0)).collect();
    blocks.par_iter().for_each(|block| {
        for id in block.ids() {
            let (word, bit) = (((id - first) / 64) as usize, 1 << ((id - first) % 64));
            // Most are marked already: reading first keeps the cache line shared between the cores.
            if let Some(word) = bitmap.get(word)
                && word.load(Ordering::Relaxed) & bit == 0
            {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    });
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
    ids
}

fn partitioned(blocks: &[RawEdges]) -> Vec<u64> {
    let workers = rayon::current_num_threads().max(1);
    let share = blocks.len().div_ceil(workers).max(1);
    let mut found: Vec<Vec<Vec<u64>>> = blocks.par_chunks(share).map(partition).collect();
    let mut merged: Vec<Vec<u64>> = (0..PARTITIONS)
        .map(|index| {
            found
                .iter_mut()
                .filter_map(|worker| worker.get_mut(index))
                .flat_map(mem::take)
                .collect::<Vec<u64>>()
        })
        .collect();
    drop(found);
    merged.par_iter_mut().for_each(drop_repeats);
    let mut ids = merged.concat();
    drop(merged);
    ids.par_sort_unstable();
    ids
}

fn partition(blocks: &[RawEdges]) -> Vec<Vec<u64>> {
    let mut partitions: Vec<(Vec<u64>, usize)> = vec![(Vec::new(), LENGTH_MIN); PARTITIONS];
    for id in blocks.iter().flat_map(RawEdges::ids) {
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the high bits spread best.
        let hash = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - PARTITIONS.ilog2());
        let Some((ids, limit)) = partitions.get_mut(hash as usize) else {
            unreachable!("a hash of ten bits is below 1024");
        };
        ids.push(id);
        if ids.len() >= *limit {
            drop_repeats(ids);
            *limit = (ids.len() * 2).max(LENGTH_MIN);
        }
    }
    partitions.into_iter().map(|(ids, _)| ids).collect()
}

fn drop_repeats(ids: &mut Vec<u64>) {
    ids.sort_unstable();
    ids.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn both_ways_equal_a_set(
            narrow in prop::collection::vec((1u64..500, 1u64..500), 0..300),
            wide in prop::collection::vec((1u64.., 1u64..), 0..300),
            block_length in 1usize..50,
        ) {
            for edges in [narrow, wide] {
                let expected: BTreeSet<u64> = edges.iter().flat_map(|&(one, other)| [one, other]).collect();
                let blocks: Vec<RawEdges> = edges.chunks(block_length).map(|chunk| {
                    let mut block = RawEdges::default();
                    chunk.iter().for_each(|&(one, other)| block.push::<false>(one, other, 0));
                    block
                }).collect();
                let found = distinct_ids(&blocks);
                prop_assert_eq!(&found, &expected.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(found, partitioned(&blocks));
            }
        }
    }

    #[test]
    fn repeats_are_dropped_while_partitions_fill() {
        let mut block = RawEdges::default();
        let ids: Vec<u64> = (1..=20_000).map(|id: u64| id << 40).collect();
        for _ in 0..300 {
            ids.chunks(2)
                .for_each(|pair| block.push::<false>(pair[0], pair[1], 0));
        }
        assert_eq!(distinct_ids(&[block]), ids);
    }
}
