//! An array with a place for every u32, whose memory is allocated in blocks when a place in them is
//! first used.
//!
//! It has three levels (512 x 512 blocks of 16,384 places). An empty array takes 8 KiB, and two
//! loads find a place. One thread writes while any number of threads read without a lock. Blocks
//! never move.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use zerocopy::FromZeros;

const PLACE_BITS: u32 = 14;
const BLOCK_BITS: u32 = 9;
const PLACES: usize = 1 << PLACE_BITS;
const BLOCKS: usize = 1 << BLOCK_BITS;

type Lazy<T> = OnceLock<Box<[T]>>;

/// An array with a place for every u32, allocated block by block.
pub(crate) struct LazyArray<T> {
    directory: Box<[Lazy<Lazy<T>>]>,
    bytes: AtomicU64,
}

impl<T: FromZeros> LazyArray<T> {
    pub(crate) fn new() -> Self {
        Self {
            directory: empty(1 << (32 - PLACE_BITS - BLOCK_BITS)),
            bytes: AtomicU64::new(0),
        }
    }

    /// Returns the place at `index` when its block is allocated.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (top, block, place) = split(index);
        Some(&self.directory[top].get()?[block].get()?[place])
    }

    /// Returns the place at `index`, and allocates its block when necessary.
    pub(crate) fn get_or_allocate(&self, index: u32) -> &T {
        let (top, block, place) = split(index);
        let blocks = self.directory[top].get_or_init(|| self.counted(empty(BLOCKS)));
        let places = blocks[block].get_or_init(|| self.counted(zeroed(PLACES)));
        &places[place]
    }

    /// Returns the bytes of memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + std::mem::size_of_val(&*self.directory) as u64
    }

    fn counted<U>(&self, block: Box<[U]>) -> Box<[U]> {
        self.bytes
            .fetch_add(std::mem::size_of_val(&*block) as u64, Ordering::Relaxed);
        block
    }
}

fn split(index: u32) -> (usize, usize, usize) {
    let index = index as usize;
    (
        index >> (PLACE_BITS + BLOCK_BITS),
        (index >> PLACE_BITS) % BLOCKS,
        index % PLACES,
    )
}

fn empty<T>(length: usize) -> Box<[OnceLock<T>]> {
    std::iter::repeat_with(OnceLock::new).take(length).collect()
}

/// Allocates zeroed memory. The system provides each page at its first write.
pub(crate) fn zeroed<T: FromZeros>(length: usize) -> Box<[T]> {
    match FromZeros::new_box_zeroed_with_elems(length) {
        Ok(memory) => memory,
        Err(_) => panic!("cannot allocate {length} times {} bytes", size_of::<T>()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn places_are_apart_and_keep_what_was_stored() {
        let array = LazyArray::<AtomicU32>::new();
        let indexes = [
            0,
            1,
            16_383,
            16_384,
            (1 << 23) - 1,
            1 << 23,
            u32::MAX - 1,
            u32::MAX,
        ];
        assert!(indexes.iter().all(|&index| array.get(index).is_none()));
        for index in indexes {
            array
                .get_or_allocate(index)
                .store(!index, Ordering::Relaxed);
        }
        for index in indexes {
            assert_eq!(
                array.get(index).map(|place| place.load(Ordering::Relaxed)),
                Some(!index)
            );
        }
        assert!(array.get(1 << 20).is_none());
    }
}
