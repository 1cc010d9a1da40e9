//! Reading ahead: a page's members, and a member's connections, lie anywhere in arrays of a gigabyte, so each look-up waits for
//! memory. Asked for together, before the first is needed, they come together.
//!
//! (Benches at 22 M members: "100 degrees on a warm view, in the engine", "view in the engine", "3rd-degree size".)
#![expect(
    unsafe_code,
    reason = "asking the processor for a cache line takes a pointer"
)]

/// Of a row; what is behind, the processor sees coming.
const LINES_AHEAD: usize = 4;
pub(crate) const LINE_BYTES: usize = 64;

/// Asks the processor for the cache line of a number, and goes on at once. For one that is not there, nothing.
#[inline]
pub(crate) fn read_ahead<T>(numbers: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(number) = numbers.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults nowhere; the pointer is that of a number in the slice besides.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(number).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (numbers, index);
}

/// The same for the beginning of a slice.
#[inline]
pub(crate) fn read_ahead_slice<T>(numbers: &[T]) {
    let per_line = (LINE_BYTES / size_of::<T>().max(1)).max(1);
    for line in 0..LINES_AHEAD.min(numbers.len().div_ceil(per_line)) {
        read_ahead(numbers, line * per_line);
    }
}
