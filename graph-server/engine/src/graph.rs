//! The graph at one SCN: what every question is asked of.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::{
    base::base_graph::Base,
    files::file_error::FileError,
    neighbours::Neighbours,
    node_index::NodeIndex,
    overlay::version::Version,
    timed_neighbours::{Connection, connections_at},
};
use cloud_model::{MemberId, Scn};

/// A version and an SCN. It stays as it is while the writer goes on; cheap to clone, and to be dropped when the request ends.
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

    /// What every answer is exact as of.
    pub fn scn(&self) -> Scn {
        self.scn
    }

    /// The version that is asked.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The base under the changes.
    pub fn base(&self) -> &Base {
        &self.version.base
    }

    /// The node of a member that exists.
    pub fn node(&self, member: MemberId) -> Option<NodeIndex> {
        self.version
            .known_node(member)
            .filter(|&node| self.exists(node))
    }

    /// The nodes of a page of members, as [`node`](Self::node) has them. Made for members whose rows are asked for next.
    pub fn page(&self, members: &[MemberId]) -> Vec<Option<NodeIndex>> {
        self.base().read_ids_ahead(members);
        let nodes: Vec<_> = members.iter().map(|&member| self.node(member)).collect();
        let existing = || nodes.iter().flatten();
        existing().for_each(|&node| self.version.read_bounds_ahead(node));
        existing().for_each(|&node| self.version.read_row_ahead(node));
        nodes
    }

    /// The node of a member that exists, or existed, or will at a later SCN than this.
    pub fn known_node(&self, member: MemberId) -> Option<NodeIndex> {
        self.version.known_node(member)
    }

    /// The member at a node of this graph, existing or removed. Panics for an index from elsewhere.
    pub fn member(&self, node: NodeIndex) -> MemberId {
        self.version.member(node)
    }

    /// Whether the node's member exists.
    #[inline]
    pub fn exists(&self, node: NodeIndex) -> bool {
        self.version.exists(node, self.scn)
    }

    /// All node indexes of this graph are below.
    pub fn node_bound(&self) -> u32 {
        self.node_bound
    }

    /// The nodes of all members that exist, ascending.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        (0..self.node_bound)
            .map(NodeIndex::new)
            .filter(|&node| self.exists(node))
    }

    /// Members that exist: as of the newest published SCN, not of this graph's.
    pub fn member_count(&self) -> u64 {
        self.version.counts.members.load(Ordering::Relaxed)
    }

    /// Connections: as of the newest published SCN, not of this graph's.
    pub fn connection_count(&self) -> u64 {
        self.version.counts.connections.load(Ordering::Relaxed)
    }

    /// The node's neighbours, ascending by node index: the only way to them. None for a node that does not exist.
    #[inline]
    pub fn neighbours(&self, node: NodeIndex) -> Neighbours<'_> {
        self.version.neighbours(node, self.scn)
    }

    /// How many neighbours the node has.
    pub fn degree_of_node(&self, node: NodeIndex) -> usize {
        self.neighbours(node).count()
    }

    /// Whether the two are connected: two binary searches, or the shorter chain.
    pub fn connected(&self, one: NodeIndex, other: NodeIndex) -> bool {
        self.version.pair(one, other, self.scn).connected
    }

    /// The node's neighbours with the times of the connections, ascending by node index. Reads the file of times.
    pub fn connections(&self, node: NodeIndex) -> Result<Vec<Connection>, FileError> {
        let chain = self.version.overlay.chain(node, self.scn);
        connections_at(self.base(), node, chain)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Graph({:?} at SCN {})", self.version.base, self.scn)
    }
}
