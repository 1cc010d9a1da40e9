//! A connection as seen from one of its ends, packed for sorting: with its time, or without when the dump has none.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `source` is connected to `target`. Ordered by source, then target, then time; an unknown time comes last, so that of
/// repeated connections the earliest known time is the first. Its bytes are what scratch files hold.
pub(crate) trait HalfEdge:
    Copy + Ord + Default + Send + Sync + FromBytes + IntoBytes + Immutable
{
    /// Whether there is a time at all.
    const TIMED: bool;

    fn new(source: u32, target: u32, time: u64) -> Self;
    /// Source in the high half, target in the low one.
    fn ends(self) -> u64;
    /// Milliseconds since 1970; 0 when unknown.
    fn time(self) -> u64;

    fn source(self) -> u32 {
        (self.ends() >> 32) as u32
    }

    fn target(self) -> u32 {
        self.ends() as u32
    }
}

/// 8 bytes.
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

/// 16 bytes. The time is stored less one: 0, which is unknown, becomes the highest.
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
