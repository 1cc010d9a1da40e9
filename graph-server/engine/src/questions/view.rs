//! The view: what is kept for a viewer, the sets of members at 1st and 2nd degree.
//!
//! From it follow the degrees of a whole page of members, paths and network sizes. It carries its SCN, and tells itself whether
//! it also holds at another one, so a cache of views needs nobody to invalidate it.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        gather::gather,
    },
    sets::{node_set::NodeSet, scratch::Scratch, sieve::Sieve},
};
use cloud_model::Scn;

/// A viewer's 1st and 2nd degree, exact as of an SCN.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    viewer: NodeIndex,
    scn: Scn,
    edges: u64,
    first: NodeSet,
    second: NodeSet,
    second_sieve: Sieve,
}

impl View {
    /// Visits each edge of the viewer and of the viewer's connections once: O([`cost`](Self::cost)). Never truncated: over the
    /// budget there is no view.
    pub fn build(
        graph: &Graph,
        viewer: NodeIndex,
        scratch: &mut Scratch,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Stopped> {
        let own_edges = graph.neighbours(viewer).count_max();
        budget.spend(own_edges)?;
        let first: Vec<u32> = graph.neighbours(viewer).map(NodeIndex::get).collect();
        let edges = own_edges as u64 + gather(graph, first.iter().copied(), scratch, budget)?;
        scratch.remove(viewer.get());
        first.iter().for_each(|&node| scratch.remove(node));
        let second = scratch.drain();
        Ok(Self {
            viewer,
            scn: graph.scn(),
            edges,
            first: NodeSet::from_ascending(&first),
            second: NodeSet::from_ascending(&second),
            second_sieve: Sieve::new(&second),
        })
    }

    /// The edges that a build would visit, or more than `limit` if it is more than that: found out by at most `limit` of the
    /// viewer's connections, one look each.
    pub fn cost(graph: &Graph, viewer: NodeIndex, limit: u64) -> u64 {
        let neighbours = graph.neighbours(viewer);
        let mut cost = neighbours.count_max() as u64;
        for node in neighbours {
            if cost > limit {
                break;
            }
            cost += graph.neighbours(node).count_max() as u64;
        }
        cost
    }

    /// Whose view it is.
    pub fn viewer(&self) -> NodeIndex {
        self.viewer
    }

    /// What it was built at.
    pub fn scn(&self) -> Scn {
        self.scn
    }

    /// The edges that the build visited.
    pub fn edges(&self) -> u64 {
        self.edges
    }

    /// The nodes connected to the viewer.
    pub fn first(&self) -> &NodeSet {
        &self.first
    }

    /// The nodes connected to one of those, and not among them, and not the viewer.
    pub fn second(&self) -> &NodeSet {
        &self.second
    }

    /// Whether the node is in [`first`](Self::first).
    #[inline]
    pub(crate) fn is_first(&self, node: NodeIndex) -> bool {
        self.first.contains(node.get())
    }

    /// Whether the node is in [`second`](Self::second).
    #[inline]
    pub(crate) fn is_second(&self, node: NodeIndex) -> bool {
        self.second_sieve.may_hold(node.get()) && self.second.contains(node.get())
    }

    /// Asks the processor for what so many look-ups read most.
    pub fn read_ahead(&self, lookups: u64) {
        self.second_sieve.read_ahead(lookups);
    }

    /// Memory, but for what the allocator keeps beside each of its pieces.
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<Self>()
            + self.first.bytes()
            + self.second.bytes()
            + self.second_sieve.bytes()
    }

    /// Whether the view is also exact at the graph's SCN, earlier or later than its own: it is when no entry lies between the two
    /// in the chain of the viewer or of a 1st-degree connection, for then the viewer's neighbours and theirs are the same at
    /// both. (No such entry at all is the common case, and is seen at once.) An answer "no" may be too careful: a connection
    /// that was made and ended again.
    ///
    /// The view may be of another version with the same lineage: one that the graph's version knows nothing of does not hold.
    pub fn holds_for(&self, graph: &Graph) -> bool {
        match self.span_to(graph) {
            None => false,
            Some(None) => true,
            Some(Some((after, through))) => {
                let overlay = &graph.version().overlay;
                let changed = |node| overlay.changed_between(node, after, through);
                !changed(self.viewer)
                    && !self.first.iter().any(|node| changed(NodeIndex::new(node)))
            }
        }
    }

    /// The view as of the graph's SCN, if it [`holds`](Self::holds_for) there: for what is kept when the version's base is about
    /// to be one above the view.
    pub fn at_scn_of(&self, graph: &Graph) -> Option<Self> {
        self.holds_for(graph).then(|| Self {
            scn: graph.scn(),
            ..self.clone()
        })
    }

    /// Between which two SCNs entries may tell the view from one of the graph's SCN: above the one, not above the other. No span
    /// when nothing changed at all; none to be known when the view is from before the version began, or from after it ended,
    /// when the writer went on with the next one.
    pub(crate) fn span_to(&self, graph: &Graph) -> Option<Option<(Scn, Scn)>> {
        let scn = graph.scn();
        if scn == self.scn {
            return Some(None);
        }
        let (after, through) = (self.scn.min(scn), self.scn.max(scn));
        let version = graph.version();
        if after < version.oldest() || (scn < self.scn && version.published() < self.scn) {
            return None;
        }
        // Entries above the published SCN, which may be appended right now, only make this too careful.
        let is_still = version.overlay.last_change() <= after;
        Some((!is_still).then_some((after, through)))
    }
}
