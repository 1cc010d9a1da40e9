//! The view: the sets of members at 1st and 2nd degree of a viewer, which a server caches.
//!
//! The degrees of a page of members, paths and network sizes are computed from it. A view carries
//! its SCN, and can decide whether it is also exact at another one. A cache of views therefore
//! needs no invalidation.

use crate::{
    graph::{Graph, Side},
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        gather::gather,
    },
    sets::{node_set::NodeSet, scratch::Scratch, sieve::Sieve},
};
use cloud_model::Scn;

/// The neighbours of a node whose look-ups are prefetched. The look-ups end at the first neighbour
/// at 2nd degree.
const NEIGHBOURS_AHEAD: usize = 16;

/// A viewer's 1st and 2nd degree, exact as of an SCN.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    viewer: NodeIndex,
    scn: Scn,
    edges: u64,
    first: NodeSet,
    second: NodeSet,
    second_sieve: Sieve,
    /// The side of the graph that the view was built of.
    side: Side,
}

impl View {
    /// Builds a view. Visits each edge of the viewer and of the viewer's connections once:
    /// O([`cost`](Self::cost)). It is never truncated: above the budget there is no view.
    ///
    /// # Errors
    /// [`Stopped`] when the budget is exceeded.
    pub fn build(
        graph: &Graph,
        viewer: NodeIndex,
        scratch: &mut Scratch,
        budget: &mut Budget<'_>,
    ) -> Result<Self, Stopped> {
        debug_assert!(
            matches!(graph.side(), Side::Site | Side::Visitor)
                || matches!(graph.side(), Side::Member(of, _) if *of == viewer),
            "a view is of its viewer's side"
        );
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
            side: graph.side().clone(),
        })
    }

    /// Returns the edges that a build would visit, or any number above `limit` if they are more. It
    /// looks at `limit` of the viewer's connections at most, once each.
    #[must_use]
    pub fn cost(graph: &Graph, viewer: NodeIndex, limit: u64) -> u64 {
        let neighbours = graph.neighbours(viewer);
        let mut cost = neighbours.count_max() as u64;
        for node in neighbours {
            if cost > limit {
                break;
            }
            cost += graph.all_neighbours(node).count_max() as u64;
        }
        cost
    }

    /// Returns the viewer.
    #[must_use]
    pub fn viewer(&self) -> NodeIndex {
        self.viewer
    }

    /// Returns the SCN that the view was built at.
    #[must_use]
    pub fn scn(&self) -> Scn {
        self.scn
    }

    /// Returns the number of edges that the build visited.
    #[must_use]
    pub fn edges(&self) -> u64 {
        self.edges
    }

    /// Returns the nodes connected to the viewer.
    #[must_use]
    pub fn first(&self) -> &NodeSet {
        &self.first
    }

    /// Returns the nodes connected to one of [`first`](Self::first), except those in it and the
    /// viewer.
    #[must_use]
    pub fn second(&self) -> &NodeSet {
        &self.second
    }

    /// Returns whether the node is in [`first`](Self::first).
    #[inline]
    pub(crate) fn is_first(&self, node: NodeIndex) -> bool {
        self.first.contains(node.get())
    }

    /// Returns whether the node is in [`second`](Self::second).
    #[inline]
    pub(crate) fn is_second(&self, node: NodeIndex) -> bool {
        self.second_sieve.may_hold(node.get()) && self.second.contains(node.get())
    }

    /// Prefetches what [`is_first`](Self::is_first) and [`is_second`](Self::is_second) read of each
    /// node, step by step.
    pub(crate) fn read_nodes_ahead(&self, nodes: &[NodeIndex]) {
        let nodes = nodes.iter().map(|node| node.get());
        for node in nodes.clone() {
            self.first.read_ahead(node);
            self.second_sieve.read_node_ahead(node);
        }
        for node in nodes.clone() {
            self.first.read_further_ahead(node);
            if self.second_sieve.may_hold(node) {
                self.second.read_ahead(node);
            }
        }
        for node in nodes {
            if self.second_sieve.may_hold(node) {
                self.second.read_further_ahead(node);
            }
        }
    }

    /// Returns whether the node may be at 1st or 2nd degree. The answer no is certain for the view.
    #[inline]
    pub(crate) fn may_be_near(&self, node: NodeIndex) -> bool {
        self.is_first(node) || self.second_sieve.may_hold(node.get())
    }

    /// Prefetches what [`is_second`](Self::is_second) reads first of the neighbours of a node.
    #[inline]
    pub(crate) fn read_row_ahead(&self, row: &[u32]) {
        let most = row.get(..NEIGHBOURS_AHEAD).unwrap_or(row);
        most.iter()
            .for_each(|&node| self.second_sieve.read_node_ahead(node));
    }

    /// Returns the bytes of memory, without the allocator's own overhead.
    #[must_use]
    pub fn bytes(&self) -> usize {
        std::mem::size_of::<Self>()
            + self.first.bytes()
            + self.second.bytes()
            + self.second_sieve.bytes()
            + self.side.bytes()
    }

    /// Returns whether the view is also exact at the graph's SCN, earlier or later than its own.
    ///
    /// It is when no entry between the two SCNs stands in the chain of the viewer or of a
    /// 1st-degree connection. The viewer's neighbours and theirs are then the same at both.
    /// (Commonly there is no such entry in the whole overlay, which one comparison shows.) The
    /// answer "no" may be too cautious: a connection may have been added and removed again.
    ///
    /// The view may be of another version with the same lineage. If the graph's version does not
    /// know that version's changes, the view does not hold. Neither does it if the graph is seen
    /// from another side, or the viewer's blocks differ.
    #[must_use]
    pub fn holds_for(&self, graph: &Graph) -> bool {
        match self.span_to(graph) {
            None => false,
            Some(None) => true,
            Some(Some((after, through))) => {
                let chains = &graph.version().overlay.graph;
                let changed = |node| chains.changed_between(node, after, through);
                !changed(self.viewer)
                    && !self.first.iter().any(|node| changed(NodeIndex::new(node)))
            }
        }
    }

    /// Returns the view as of the graph's SCN, if it [holds](Self::holds_for) there. This keeps a
    /// cached view usable when the version's next base will be above the view's SCN.
    #[must_use]
    pub fn at_scn_of(&self, graph: &Graph) -> Option<Self> {
        self.holds_for(graph).then(|| Self {
            scn: graph.scn(),
            ..self.clone()
        })
    }

    /// Returns the span of SCNs whose entries may make the view differ at the graph's SCN, by
    /// [`Graph::span_from`]. `None` also if the graph is seen from another side, or the viewer's
    /// blocks are not the same.
    pub(crate) fn span_to(&self, graph: &Graph) -> Option<Option<(Scn, Scn)>> {
        let is_of_side = self.side == *graph.side();
        graph.span_from(self.scn).filter(|_| is_of_side)
    }
}
