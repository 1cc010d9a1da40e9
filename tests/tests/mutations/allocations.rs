//! An allocator on top of the system's that records the largest allocation of each thread.
#![expect(
    unsafe_code,
    reason = "an allocator is an unsafe trait; this one only hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The allocator of this test binary.
pub(crate) struct Counted;

/// Runs a call, and returns its result and the largest allocation that this thread made in it.
pub(crate) fn largest_in<T>(call: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let answer = call();
    (answer, LARGEST.get())
}

fn count(bytes: usize) {
    // A thread that is ending has no cell any more, and its figure is not needed.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

// SAFETY: every call is passed to the system's allocator unchanged; counting neither allocates nor
// panics.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are the system's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
