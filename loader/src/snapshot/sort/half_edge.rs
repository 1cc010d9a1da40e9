//! A connection as seen from one of its ends, packed for sorting, with its time if the dump has
//! times.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A connection from `source` to `target`. Half-edges are ordered by source, then target, then
/// time. An unknown time comes last, so the first of repeated connections has the earliest known
/// time. Scratch files hold the bytes of half-edges as they are.
pub(crate) trait HalfEdge:
    Copy + Ord + Default + Send + Sync + FromBytes + IntoBytes + Immutable
{
    /// True if half-edges have a time.
    const TIMED: bool;

    fn new(source: u32, target: u32, time: u64) -> Self;
    /// Returns the source in the high half and the target in the low half.
    fn ends(self) -> u64;
    /// Returns the time in milliseconds since 1970; 0 if unknown.
    fn time(self) -> u64;

    fn source(self) -> u32 {
        (self.ends() >> 32) as u32
    }

    fn target(self) -> u32 {
        self.ends() as u32
    }
}

/// A half-edge without a time, in 8 bytes.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable,
)]
#[repr(transparent)]
pub(crate) struct Untimed(u64);

impl HalfEdge for Untimed {
    const TIMED: bool = false;

    fn new(source: u32, target: u32, _time: u64) -> Self {
        Self(u64::from(source) << 32 | u64::from(target))
    }

    fn ends(self) -> u64 {
        self.0
    }

    fn time(self) -> u64 {
        0
    }
}

/// A half-edge with a time, in 16 bytes. The time is stored less one, so that 0, which means
/// unknown, becomes the highest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable,
)]
#[repr(C)]
pub(crate) struct Timed {
    ends: u64,
    time_less_one: u64,
}

impl HalfEdge for Timed {
    const TIMED: bool = true;

    fn new(source: u32, target: u32, time: u64) -> Self {
        Self {
            ends: u64::from(source) << 32 | u64::from(target),
            time_less_one: time.wrapping_sub(1),
        }
    }

    fn ends(self) -> u64 {
        self.ends
    }

    fn time(self) -> u64 {
        self.time_less_one.wrapping_add(1)
    }
}
