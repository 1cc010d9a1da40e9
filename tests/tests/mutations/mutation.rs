//! One change to some bytes, as by bit rot, a cut, a stray write or a forger.

use proptest::prelude::*;
use proptest::sample::Index;

/// One mutation of some bytes.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    FlipBit(Index, u32),
    SetByte(Index, u8),
    /// Sets a number at a place where one may be: of 4 or 8 bytes, little-endian.
    SetNumber {
        place: Index,
        wide: bool,
        number: u64,
    },
    /// Increases or decreases the number at a place by one.
    Count {
        place: Index,
        wide: bool,
        up: bool,
    },
    Cut(Index),
    Insert(Index, u8, usize),
    Remove(Index, usize),
    Swap(Index, Index, usize),
}

/// Generates a few mutations, which are applied one after the other.
pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<Index>;
    let number = prop_oneof![
        0..80_u64,
        any::<u64>(),
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bits| u64::MAX >> bits),
    ];
    let one = prop_oneof![
        4 => (place(), 0..8_u32).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        3 => (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::SetByte(at, byte)),
        6 => (place(), any::<bool>(), number)
            .prop_map(|(place, wide, number)| Mutation::SetNumber { place, wide, number }),
        4 => (place(), any::<bool>(), any::<bool>())
            .prop_map(|(place, wide, up)| Mutation::Count { place, wide, up }),
        1 => place().prop_map(Mutation::Cut),
        1 => (place(), any::<u8>(), 1..200_usize)
            .prop_map(|(at, byte, times)| Mutation::Insert(at, byte, times)),
        1 => (place(), 1..200_usize).prop_map(|(at, bytes)| Mutation::Remove(at, bytes)),
        2 => (place(), place(), 1..64_usize)
            .prop_map(|(one, other, bytes)| Mutation::Swap(one, other, bytes)),
    ];
    prop::collection::vec(one, 1..4)
}

impl Mutation {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match *self {
            Self::FlipBit(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Self::SetByte(at, byte) => bytes[at.index(length)] = byte,
            Self::SetNumber {
                place,
                wide,
                number,
            } => write_number(bytes, place, wide, |_| number),
            Self::Count { place, wide, up } => {
                let step = if up { 1 } else { u64::MAX };
                write_number(bytes, place, wide, |number| number.wrapping_add(step));
            }
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Insert(at, byte, times) => {
                let at = at.index(length);
                bytes.splice(at..at, std::iter::repeat_n(byte, times));
            }
            Self::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Self::Swap(one, other, count) => {
                let (one, other) = (one.index(length), other.index(length));
                for step in 0..count.min(length - one.max(other)) {
                    bytes.swap(one + step, other + step);
                }
            }
        }
    }
}

/// Changes the number at a multiple of its width.
fn write_number(bytes: &mut [u8], place: Index, wide: bool, change: impl FnOnce(u64) -> u64) {
    let width = if wide { 8 } else { 4 };
    let at = place.index(bytes.len()) / width * width;
    let Some(number) = bytes.get_mut(at..at + width) else {
        return;
    };
    let mut found = [0; 8];
    found[..width].copy_from_slice(number);
    number.copy_from_slice(&change(u64::from_le_bytes(found)).to_le_bytes()[..width]);
}
