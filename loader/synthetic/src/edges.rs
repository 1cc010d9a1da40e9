//! A generated graph in memory: every connection once, with its time.

use crate::{pairs::PairSet, scramble::sparse_id, times::Times};

/// The connections of a site, in no order. 8 bytes each: times and sparse ids are computed on
/// demand.
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
    /// The id of one member.
    pub member: u64,
    /// The id of the other member.
    pub other: u64,
    /// The time of the connection, in milliseconds since 1970.
    pub connected_at: u64,
}

impl Edges {
    /// Returns the number of connections.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Returns whether the site has no connections.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns each connection once, in no order. Either member may come first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Edge> {
        self.pairs.iter().map(|pair| self.edge(pair))
    }

    /// Returns the ids of all members, including those without connections. Sparse ids are in no
    /// order.
    #[must_use]
    pub fn member_ids(&self) -> impl ExactSizeIterator<Item = u64> {
        let ids = self.ids;
        (0..self.members).map(move |person| ids.of(person))
    }

    pub(super) fn edge(&self, (one, other): (u32, u32)) -> Edge {
        let connected_at = self.times.connected(one, other);
        // The time's lowest bit decides, as random as a coin.
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

/// The member ids of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// Ids `1..=members`.
    Dense,
    /// Ids spread over 63 bits.
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
