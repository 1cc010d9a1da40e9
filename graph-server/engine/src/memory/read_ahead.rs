//! Prefetching. A page's members and a member's connections are scattered over arrays of a
//! gigabyte, so each look-up waits for memory. Prefetches issued together, before the first value
//! is needed, overlap.
//!
//! (Benches at 22 M members: "100 degrees on a warm view, in the engine", "view in the engine",
//! "3rd-degree size".)
#![expect(unsafe_code, reason = "prefetching a cache line takes a pointer")]

/// The cache lines of a row to prefetch. The processor's own prefetcher fetches the rest.
const LINES_AHEAD: usize = 4;
const LINE_BYTES: usize = 64;

/// Prefetches the cache line of a number, without waiting. Does nothing for an index out of range.
#[inline]
pub(crate) fn read_ahead<T>(numbers: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(number) = numbers.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults; besides, the pointer is that of a
        // number in the slice.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(number).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, index);
}

/// Prefetches the beginning of a slice.
#[inline]
pub(crate) fn read_ahead_slice<T>(numbers: &[T]) {
    let per_line = (LINE_BYTES / size_of::<T>().max(1)).max(1);
    for line in 0..LINES_AHEAD.min(numbers.len().div_ceil(per_line)) {
        read_ahead(numbers, line * per_line);
    }
}
