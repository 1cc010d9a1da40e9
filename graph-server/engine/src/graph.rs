//! The graph at one SCN and from one side, which every query reads.
//!
//! **What a side sees.** Every answer from the side of a member equals the answer in the graph
//! without the members that are hidden from it: those who block the member or are blocked by it,
//! and those whom a restriction hides. A question need not know this. [`Graph::node`] finds no
//! hidden member, [`Graph::neighbours`] has none, and every set that is gathered from rows leaves
//! them out (`questions/gather.rs`). An edge to a hidden member then leads to nothing, so that
//! look-ups in those sets may read whole rows (`all_neighbours`).
//!
//! Budgets count edges to hidden members too. [`Graph::member`], [`Graph::blocks`] and
//! [`Graph::known_node`] do not depend on the side.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    base::base_graph::Base,
    files::file_error::FileError,
    neighbours::{Hides, Neighbours},
    node_index::NodeIndex,
    overlay::version::Version,
    timed_neighbours::{Connection, ConnectionTimes, connections_at},
};
use cloud_model::{MemberId, Scn};

/// A version, an SCN and a side, which is first the site's own, from which everything is seen. It
/// does not change while the writer continues. It is cheap to clone; drop it when the request ends.
#[derive(Clone)]
pub struct Graph {
    version: Arc<Version>,
    scn: Scn,
    node_bound: u32,
    side: Side,
    /// Whether some member may be hidden from the side.
    hides_some: bool,
}

/// The side from which a graph is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The site's own: everything is seen.
    Site,
    /// A visitor's: members whom a restriction hides are not seen.
    Visitor,
    /// A member's: those blocked either way, ascending, are not seen either. A restricted member
    /// sees itself.
    Member(NodeIndex, Arc<[u32]>),
}

impl Graph {
    pub(crate) fn new(version: Arc<Version>, scn: Scn) -> Self {
        let node_bound = version.node_bound(scn);
        Self {
            version,
            scn,
            node_bound,
            side: Side::Site,
            hides_some: false,
        }
    }

    /// Returns the graph from the side of a visitor who is no member.
    #[must_use]
    pub fn seen_by_visitor(self) -> Self {
        let hides_some = self.version.hides_some();
        Self {
            side: Side::Visitor,
            hides_some,
            ..self
        }
    }

    /// Returns the graph from the side of the member at a node. O(log n + k) for k members whom it
    /// blocks or who block it, where n members have policy.
    #[must_use]
    pub fn seen_by(self, viewer: NodeIndex) -> Self {
        let blocked = self.version.blocked_either_way(viewer, self.scn);
        let hides_some = !blocked.is_empty() || self.version.hides_some();
        Self {
            side: Side::Member(viewer, blocked.into()),
            hides_some,
            ..self
        }
    }

    /// Returns whether the node's member is hidden from the side of the graph.
    #[inline]
    #[must_use]
    pub fn hides(&self, node: NodeIndex) -> bool {
        match &self.side {
            Side::Site => false,
            Side::Visitor => self.version.hides(node, self.scn),
            Side::Member(viewer, blocked) => {
                node != *viewer
                    && (self.version.hides(node, self.scn)
                        || blocked.binary_search(&node.get()).is_ok())
            }
        }
    }

    /// Returns whether some member may be hidden from the side of the graph.
    #[inline]
    pub(crate) fn hides_some(&self) -> bool {
        self.hides_some
    }

    /// Returns the side.
    pub(crate) fn side(&self) -> &Side {
        &self.side
    }

    /// Returns the SCN as of which every answer is exact.
    #[must_use]
    pub fn scn(&self) -> Scn {
        self.scn
    }

    /// Returns the version that is read.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Returns the base below the changes.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.version.base
    }

    /// Returns the node of a member that exists and is not hidden.
    #[must_use]
    pub fn node(&self, member: MemberId) -> Option<NodeIndex> {
        self.version
            .known_node(member)
            .filter(|&node| self.exists(node))
    }

    /// Returns the node of each member of a page, as [`node`](Self::node) does, and prefetches
    /// their rows.
    #[must_use]
    pub fn page(&self, members: &[MemberId]) -> Vec<Option<NodeIndex>> {
        self.base().read_ids_ahead(members);
        let nodes: Vec<_> = members.iter().map(|&member| self.node(member)).collect();
        let existing = || nodes.iter().flatten();
        existing().for_each(|&node| self.version.read_bounds_ahead(node));
        existing().for_each(|&node| self.version.read_row_ahead(node));
        nodes
    }

    /// Returns the node of a member that exists at this SCN, at an earlier one or at a later one,
    /// or whose id policy names.
    #[must_use]
    pub fn known_node(&self, member: MemberId) -> Option<NodeIndex> {
        self.version.known_node(member)
    }

    /// Returns the member at a node of this graph, existing or not. Panics for a node index of
    /// another graph.
    #[must_use]
    pub fn member(&self, node: NodeIndex) -> MemberId {
        self.version.member(node)
    }

    /// Returns whether the node's member exists and is not hidden.
    #[inline]
    #[must_use]
    pub fn exists(&self, node: NodeIndex) -> bool {
        self.version.exists(node, self.scn) && !self.hides(node)
    }

    /// Returns a number that is above all node indexes of this graph.
    #[must_use]
    pub fn node_bound(&self) -> u32 {
        self.node_bound
    }

    /// Returns the nodes of all members that exist and are not hidden, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        (0..self.node_bound)
            .map(NodeIndex::new)
            .filter(|&node| self.exists(node))
    }

    /// Returns the number of members that exist, hidden or not, as of the newest published SCN
    /// rather than this graph's.
    #[must_use]
    pub fn member_count(&self) -> u64 {
        self.version.counts.members.load(Ordering::Relaxed)
    }

    /// Returns the number of connections, as of the newest published SCN rather than this graph's.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.version.counts.connections.load(Ordering::Relaxed)
    }

    /// Returns the node's neighbours that are not hidden, ascending by node index. Empty for a node
    /// that does not exist or is hidden.
    #[inline]
    #[must_use]
    pub fn neighbours(&self, node: NodeIndex) -> Neighbours<'_> {
        if self.hides_some && self.hides(node) {
            return Neighbours::of_base(&[]);
        }
        self.all_neighbours(node).seen_from(self.side_that_hides())
    }

    /// Returns the side, if some member may be hidden from it.
    #[inline]
    pub(crate) fn side_that_hides(&self) -> Option<&dyn Hides> {
        if self.hides_some { Some(self) } else { None }
    }

    /// Returns the node's neighbours, hidden or not. For costs, and to look them up in sets that
    /// leave out the hidden.
    #[inline]
    pub(crate) fn all_neighbours(&self, node: NodeIndex) -> Neighbours<'_> {
        self.version.neighbours(node, self.scn)
    }

    /// Returns the number of the node's neighbours that are not hidden.
    #[must_use]
    pub fn degree_of_node(&self, node: NodeIndex) -> usize {
        self.neighbours(node).count()
    }

    /// Returns whether the two nodes are connected and neither is hidden, by two binary searches or
    /// the shorter chain.
    #[must_use]
    pub fn connected(&self, one: NodeIndex, other: NodeIndex) -> bool {
        self.version.pair(one, other, self.scn).connected && !self.hides(one) && !self.hides(other)
    }

    /// Returns the times of the node's connections to these neighbours, which must ascend. They are
    /// read by [`ConnectionTimes::read`].
    #[must_use]
    pub fn times(&self, node: NodeIndex, neighbours: &[NodeIndex]) -> ConnectionTimes<'_> {
        let chain = self.version.overlay.graph.chain(node, self.scn);
        ConnectionTimes::new(self.base(), node, chain, neighbours)
    }

    /// Returns whether the node's connections that are not hidden are the same at `scn`, earlier or
    /// later than this graph's. The answer "no" may be too cautious.
    #[must_use]
    pub fn has_same_row_at(&self, node: NodeIndex, scn: Scn) -> bool {
        let Some(span) = self.span_from(scn) else {
            return false;
        };
        if let Side::Member(viewer, blocked) = &self.side
            && self.version.blocked_either_way(*viewer, scn)[..] != **blocked
        {
            return false;
        }
        match span {
            None => true,
            Some((after, through)) => !self
                .version
                .overlay
                .graph
                .changed_between(node, after, through),
        }
    }

    /// Returns the span of SCNs whose entries may make an answer at `scn` differ from one at this
    /// graph's: above the first, not above the second. The inner `None` means that nothing changed.
    ///
    /// The outer `None` means that the changes are unknown: `scn` is from before the version began,
    /// or from after the writer left it for the next one.
    pub(crate) fn span_from(&self, scn: Scn) -> Option<Option<(Scn, Scn)>> {
        if scn == self.scn {
            return Some(None);
        }
        let (after, through) = (self.scn.min(scn), self.scn.max(scn));
        if after < self.version.oldest() || self.version.published() < through {
            return None;
        }
        // Entries above the published SCN may be appended right now. They only make this too
        // cautious.
        let is_still = self.version.overlay.graph.last_change() <= after;
        Some((!is_still).then_some((after, through)))
    }

    /// Returns the node's neighbours that are not hidden with the times of the connections,
    /// ascending by node index. Reads the file of times.
    ///
    /// # Errors
    /// [`FileError`] when the file of times cannot be read or is damaged.
    pub fn connections(&self, node: NodeIndex) -> Result<Vec<Connection>, FileError> {
        let chain = self.version.overlay.graph.chain(node, self.scn);
        let mut connections = connections_at(self.base(), node, chain)?;
        if self.hides_some() {
            connections.retain(|connection| !self.hides(connection.node));
        }
        Ok(connections)
    }
}

impl Side {
    /// Returns the bytes of memory, besides its own size.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Site | Self::Visitor => 0,
            Self::Member(_, blocked) => size_of_val::<[u32]>(blocked),
        }
    }
}

impl Hides for Graph {
    fn hides(&self, node: NodeIndex) -> bool {
        Graph::hides(self, node)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({:?} at SCN {})", self.version.base, self.scn)
    }
}
