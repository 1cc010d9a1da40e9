//! A generated graph in memory: every connection once, with its time.

use crate::pairs::PairSet;
use crate::scramble::sparse_id;
use crate::times::Times;

/// The connections of a site, in no order. 8 bytes each: times and sparse ids are worked out when asked for.
#[derive(Debug, Clone)]
pub struct Edges {
    pub(super) pairs: PairSet,
    pub(super) members: u32,
    pub(super) ids: Ids,
    pub(super) times: Times,
}

/// A connection between two different members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// A member's id.
    pub member: u64,
    /// The other member's id.
    pub other: u64,
    /// Milliseconds since 1970.
    pub connected_at: u64,
}

impl Edges {
    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True for a site without connections.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each connection once, in no order; either member may come first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Edge> {
        self.pairs.iter().map(|pair| self.edge(pair))
    }

    /// All members' ids, those without connections too, in no order when they are sparse.
    pub fn member_ids(&self) -> impl ExactSizeIterator<Item = u64> {
        let ids = self.ids;
        (0..self.members).map(move |person| ids.of(person))
    }

    pub(super) fn edge(&self, (one, other): (u32, u32)) -> Edge {
        let connected_at = self.times.connected(one, other);
        // The time's lowest bit is as good as a coin.
        let (first, second) = if connected_at & 1 == 0 {
            (one, other)
        } else {
            (other, one)
        };
        Edge {
            member: self.ids.of(first),
            other: self.ids.of(second),
            connected_at,
        }
    }
}

/// Which member id a person has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// `1..=members`.
    Dense,
    /// Spread over 63 bits.
    Sparse,
}

impl Ids {
    pub(super) fn of(self, person: u32) -> u64 {
        let dense = u64::from(person) + 1;
        match self {
            Ids::Dense => dense,
            Ids::Sparse => sparse_id(dense),
        }
    }
}
