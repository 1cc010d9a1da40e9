//! The policy of one node as a row of values by key: whom it blocks and who blocks it, the
//! restrictions that stand against it, and whether its list of connections is closed.
//!
//! A key below [`NODES_MAX`] is another node, and the value says who of the two blocks whom. The
//! keys from there on are no nodes: the closed list, and the kinds of restrictions.
//!
//! A block stands in the rows of both ends. So every block is read twice, and the numbers that
//! [`Blocks::hash`] makes of it at either end cancel out.

use crate::node_index::NodeIndex;
use cloud_model::RestrictionKind;

/// The number of nodes that there may be: keys from here on are no nodes.
pub(crate) const NODES_MAX: u32 = u32::MAX - 1_023;
/// The key of a closed list of connections; its value is 0. The kind with number n has the n-th
/// key after it, and the end that was stated, or 0, as its value.
pub(crate) const CLOSED_LIST: u32 = NODES_MAX;

const _: () = assert!(CLOSED_LIST as u64 + RestrictionKind::MAX as u64 <= u32::MAX as u64);

/// A key of a row, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyWord {
    pub(crate) key: u32,
    /// Below 2^62.
    pub(crate) value: u64,
}

/// The fact that a word states of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Blocks(NodeIndex, Blocks),
    ClosedList,
    /// A restriction, and its stated end or 0.
    Restriction(RestrictionKind, u64),
}

/// Who of two blocks whom, as the first one has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks(u8);

impl PolicyWord {
    /// Returns whether it is a restriction that hides.
    pub(crate) fn hides(&self) -> bool {
        matches!(self.meaning(), Some(Meaning::Restriction(kind, _)) if kind.hides())
    }

    /// Returns the fact that the word states; `None` if it states none.
    pub(crate) fn meaning(self) -> Option<Meaning> {
        match self.key.checked_sub(CLOSED_LIST) {
            None => {
                let blocks = Blocks::of_value(self.value)?;
                Some(Meaning::Blocks(NodeIndex::new(self.key), blocks))
            }
            Some(0) => (self.value == 0).then_some(Meaning::ClosedList),
            Some(number) => {
                let kind = RestrictionKind::new(number)?;
                (self.value < 1 << 62).then_some(Meaning::Restriction(kind, self.value))
            }
        }
    }
}

/// Returns the key of a kind of restriction.
pub(crate) fn key_of_kind(kind: RestrictionKind) -> u32 {
    CLOSED_LIST + u32::from(kind.get())
}

impl Blocks {
    pub(crate) const NONE: Self = Self(0);
    const BLOCKS: u8 = 1;
    const IS_BLOCKED: u8 = 2;

    /// Reads a value; `None` if it states no block.
    pub(crate) fn of_value(value: u64) -> Option<Self> {
        let value = u8::try_from(value).ok()?;
        (1..=3).contains(&value).then_some(Self(value))
    }

    /// Returns the value; `None` if neither blocks the other.
    pub(crate) fn value(self) -> Option<u64> {
        (self != Self::NONE).then_some(self.0.into())
    }

    /// Returns the value of a block, as files hold it.
    pub(crate) fn direction(self) -> u8 {
        self.0
    }

    /// Returns whether the first one blocks the second.
    pub(crate) fn blocks(self) -> bool {
        self.0 & Self::BLOCKS != 0
    }

    /// Returns whether the second one blocks the first.
    pub(crate) fn is_blocked(self) -> bool {
        self.0 & Self::IS_BLOCKED != 0
    }

    /// Returns the same with a block by the first one.
    pub(crate) fn with_block(self) -> Self {
        Self(self.0 | Self::BLOCKS)
    }

    /// Returns the same without a block by the first one.
    pub(crate) fn without_block(self) -> Self {
        Self(self.0 & !Self::BLOCKS)
    }

    /// Returns a number made of a block between two nodes, the same at either end, by the finaliser
    /// of SplitMix64 (Steele, Lea and Flood, 2014).
    pub(crate) fn hash(self, one: u32, other: u32) -> u64 {
        let (low, high, blocks) = if one < other {
            (one, other, self)
        } else {
            (other, one, self.mirrored())
        };
        let pair = u64::from(low) << 32 | u64::from(high);
        let step = u64::from(blocks.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut hash = pair.wrapping_add(step);
        hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^ hash >> 31
    }

    /// Returns the same as the second one has it.
    pub(crate) fn mirrored(self) -> Self {
        Self(self.0 >> 1 | (self.0 & Self::BLOCKS) << 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_directed() {
        let one = Blocks::NONE.with_block();
        assert!(one.blocks() && !one.is_blocked());
        assert!(!one.mirrored().blocks() && one.mirrored().is_blocked());
        let both = one.mirrored().with_block();
        assert_eq!(both.mirrored(), both);
        assert_eq!(both.without_block(), one.mirrored());
        assert_eq!(one.without_block().value(), None);
        assert_eq!(one.hash(3, 5), one.mirrored().hash(5, 3));
        assert_ne!(one.hash(3, 5), one.hash(5, 3));
        assert_eq!(both.value().and_then(Blocks::of_value), Some(both));
        assert_eq!([0, 4, 256].map(Blocks::of_value), [None; 3]);
    }

    #[test]
    fn keys_are_nodes_or_kinds() {
        let meaning = |key, value| PolicyWord { key, value }.meaning();
        let kind = |number| RestrictionKind::new(number).unwrap();
        assert_eq!(
            meaning(NODES_MAX - 1, 3),
            Some(Meaning::Blocks(NodeIndex::new(NODES_MAX - 1), Blocks(3)))
        );
        assert_eq!(meaning(CLOSED_LIST, 0), Some(Meaning::ClosedList));
        for (number, hides) in [(1, true), (99, true), (100, false), (999, false)] {
            let word = PolicyWord {
                key: key_of_kind(kind(number)),
                value: 7,
            };
            let expected = Meaning::Restriction(kind(number), 7);
            assert_eq!(word.meaning(), Some(expected));
            assert_eq!(word.hides(), hides);
        }
        for (key, value) in [(5, 0), (5, 4), (CLOSED_LIST, 1), (u32::MAX, 0)] {
            assert_eq!(meaning(key, value), None);
        }
    }
}
