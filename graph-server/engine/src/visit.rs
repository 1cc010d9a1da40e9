//! petgraph's traits for the graph at an SCN, so that any of its algorithms runs on `&Graph`.
//!
//! The nodes are all indexes below [`Graph::node_bound`], as in petgraph's compact graphs: a
//! removed member is a node without edges. Edges have no weight; a caller's closure supplies one to
//! algorithms that need it.

use petgraph::{
    Direction, Undirected,
    visit::{
        Data, EdgeCount, EdgeRef, GetAdjacencyMatrix, GraphBase, GraphProp, IntoEdgeReferences,
        IntoEdges, IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, NodeCompactIndexable,
        NodeCount, NodeIndexable, VisitMap, Visitable,
    },
};

use crate::{graph::Graph, neighbours::Neighbours, node_index::NodeIndex};

/// An edge, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    source: NodeIndex,
    target: NodeIndex,
}

impl EdgeRef for Edge {
    type NodeId = NodeIndex;
    type EdgeId = (NodeIndex, NodeIndex);
    type Weight = ();

    fn source(&self) -> NodeIndex {
        self.source
    }

    fn target(&self) -> NodeIndex {
        self.target
    }

    fn weight(&self) -> &() {
        &()
    }

    fn id(&self) -> (NodeIndex, NodeIndex) {
        (self.source.min(self.target), self.source.max(self.target))
    }
}

/// The edges of one node.
#[derive(Clone, Debug)]
pub struct Edges<'a> {
    source: NodeIndex,
    neighbours: Neighbours<'a>,
}

impl Iterator for Edges<'_> {
    type Item = Edge;

    fn next(&mut self) -> Option<Edge> {
        self.neighbours.next().map(|target| Edge {
            source: self.source,
            target,
        })
    }
}

/// The visited nodes, one bit each.
#[derive(Clone, Debug, Default)]
pub struct Visited(Vec<u64>);

impl VisitMap<NodeIndex> for Visited {
    fn visit(&mut self, node: NodeIndex) -> bool {
        let first = !self.is_visited(&node);
        self.0[node.index() / 64] |= 1 << (node.get() % 64);
        first
    }

    fn is_visited(&self, node: &NodeIndex) -> bool {
        self.0[node.index() / 64] >> (node.get() % 64) & 1 == 1
    }

    fn unvisit(&mut self, node: NodeIndex) -> bool {
        let visited = self.is_visited(&node);
        self.0[node.index() / 64] &= !(1 << (node.get() % 64));
        visited
    }
}

impl GraphBase for Graph {
    type NodeId = NodeIndex;
    type EdgeId = (NodeIndex, NodeIndex);
}

impl Data for Graph {
    type NodeWeight = ();
    type EdgeWeight = ();
}

impl GraphProp for Graph {
    type EdgeType = Undirected;
}

impl NodeCount for Graph {
    fn node_count(&self) -> usize {
        self.node_bound() as usize
    }
}

impl EdgeCount for Graph {
    fn edge_count(&self) -> usize {
        self.edge_references().count()
    }
}

impl NodeIndexable for Graph {
    fn node_bound(&self) -> usize {
        Graph::node_bound(self) as usize
    }

    fn to_index(&self, node: NodeIndex) -> usize {
        node.index()
    }

    fn from_index(&self, index: usize) -> NodeIndex {
        NodeIndex::new(index as u32)
    }
}

impl NodeCompactIndexable for Graph {}

impl Visitable for Graph {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited(vec![0; (self.node_bound() as usize).div_ceil(64)])
    }

    fn reset_map(&self, map: &mut Visited) {
        *map = self.visit_map();
    }
}

impl<'a> IntoNeighbors for &'a Graph {
    type Neighbors = Neighbours<'a>;

    fn neighbors(self, node: NodeIndex) -> Neighbours<'a> {
        self.neighbours(node)
    }
}

impl<'a> IntoNeighborsDirected for &'a Graph {
    type NeighborsDirected = Neighbours<'a>;

    /// Returns all neighbours: connections have no direction.
    fn neighbors_directed(self, node: NodeIndex, _: Direction) -> Neighbours<'a> {
        self.neighbours(node)
    }
}

impl GetAdjacencyMatrix for Graph {
    /// The unit type: adjacency is found by searching the rows, without a matrix.
    type AdjMatrix = ();

    fn adjacency_matrix(&self) {}

    fn is_adjacent(&self, _: &(), one: NodeIndex, other: NodeIndex) -> bool {
        self.connected(one, other)
    }
}

impl IntoNodeIdentifiers for &Graph {
    type NodeIdentifiers = std::iter::Map<std::ops::Range<u32>, fn(u32) -> NodeIndex>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        (0..Graph::node_bound(self)).map(NodeIndex::new)
    }
}

impl<'a> IntoEdgeReferences for &'a Graph {
    type EdgeRef = Edge;
    type EdgeReferences = Box<dyn Iterator<Item = Edge> + 'a>;

    /// All edges, each once, from its lower end.
    fn edge_references(self) -> Self::EdgeReferences {
        let edges = self.node_identifiers().flat_map(|node| self.edges(node));
        Box::new(edges.filter(|edge| edge.source < edge.target))
    }
}

impl<'a> IntoEdges for &'a Graph {
    type Edges = Edges<'a>;

    fn edges(self, node: NodeIndex) -> Edges<'a> {
        Edges {
            source: node,
            neighbours: self.neighbours(node),
        }
    }
}
