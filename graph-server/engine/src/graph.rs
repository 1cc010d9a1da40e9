//! The graph at one SCN, which every query reads.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    base::base_graph::Base,
    files::file_error::FileError,
    neighbours::Neighbours,
    node_index::NodeIndex,
    overlay::version::Version,
    timed_neighbours::{Connection, ConnectionTimes, connections_at},
};
use cloud_model::{MemberId, Scn};

/// A version and an SCN. It does not change while the writer continues. It is cheap to clone; drop
/// it when the request ends.
#[derive(Clone)]
pub struct Graph {
    version: Arc<Version>,
    scn: Scn,
    node_bound: u32,
}

impl Graph {
    pub(crate) fn new(version: Arc<Version>, scn: Scn) -> Self {
        let node_bound = version.node_bound(scn);
        Self {
            version,
            scn,
            node_bound,
        }
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

    /// Returns the node of a member that exists.
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

    /// Returns the node of a member that exists at this SCN, at an earlier one or at a later one, or
    /// whose id policy names.
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

    /// Returns whether the node's member exists.
    #[inline]
    #[must_use]
    pub fn exists(&self, node: NodeIndex) -> bool {
        self.version.exists(node, self.scn)
    }

    /// Returns a number that is above all node indexes of this graph.
    #[must_use]
    pub fn node_bound(&self) -> u32 {
        self.node_bound
    }

    /// Returns the nodes of all members that exist, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        (0..self.node_bound)
            .map(NodeIndex::new)
            .filter(|&node| self.exists(node))
    }

    /// Returns the number of members that exist, as of the newest published SCN rather than this
    /// graph's.
    #[must_use]
    pub fn member_count(&self) -> u64 {
        self.version.counts.members.load(Ordering::Relaxed)
    }

    /// Returns the number of connections, as of the newest published SCN rather than this graph's.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.version.counts.connections.load(Ordering::Relaxed)
    }

    /// Returns the node's neighbours, ascending by node index. This is the only way to them. Empty
    /// for a node that does not exist.
    #[inline]
    #[must_use]
    pub fn neighbours(&self, node: NodeIndex) -> Neighbours<'_> {
        self.version.neighbours(node, self.scn)
    }

    /// Returns the number of the node's neighbours.
    #[must_use]
    pub fn degree_of_node(&self, node: NodeIndex) -> usize {
        self.neighbours(node).count()
    }

    /// Returns whether the two nodes are connected, by two binary searches or the shorter chain.
    #[must_use]
    pub fn connected(&self, one: NodeIndex, other: NodeIndex) -> bool {
        self.version.pair(one, other, self.scn).connected
    }

    /// Returns the times of the node's connections to these neighbours, which must ascend. They are
    /// read by [`ConnectionTimes::read`].
    #[must_use]
    pub fn times(&self, node: NodeIndex, neighbours: &[NodeIndex]) -> ConnectionTimes<'_> {
        let chain = self.version.overlay.graph.chain(node, self.scn);
        ConnectionTimes::new(self.base(), node, chain, neighbours)
    }

    /// Returns whether the node's connections are the same at `scn`, earlier or later than this
    /// graph's. The answer "no" may be too cautious.
    #[must_use]
    pub fn has_same_row_at(&self, node: NodeIndex, scn: Scn) -> bool {
        match self.span_from(scn) {
            None => false,
            Some(None) => true,
            Some(Some((after, through))) => !self
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

    /// Returns the node's neighbours with the times of the connections, ascending by node index.
    /// Reads the file of times.
    ///
    /// # Errors
    /// [`FileError`] when the file of times cannot be read or is damaged.
    pub fn connections(&self, node: NodeIndex) -> Result<Vec<Connection>, FileError> {
        let chain = self.version.overlay.graph.chain(node, self.scn);
        connections_at(self.base(), node, chain)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({:?} at SCN {})", self.version.base, self.scn)
    }
}
