//! The network as a filter: the requested degrees, and the nodes at them.

use crate::query::{cursor::TERMINATED, stop_check::StopCheck};
use cloud_engine::{Degree, Graph, NodeIndex, NodeSet, Nodes, View};
use std::sync::Arc;

/// The viewer's network that a search filters by.
#[derive(Clone, Debug)]
pub struct Network {
    /// The requested degrees.
    pub degrees: Degrees,
    /// The viewer's view, which must be valid for `graph`.
    pub view: Arc<View>,
    /// The graph, at one SCN.
    pub graph: Graph,
}

/// A set of degrees. It never contains the viewer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Degrees(u8);

impl Degrees {
    /// All degrees but the viewer's own.
    pub const ALL: Self = Self(0b1111);

    /// Returns the set of `degrees`; an empty slice means all. [`Degree::Itself`] adds nothing.
    #[must_use]
    pub fn of(degrees: &[Degree]) -> Self {
        let bits = degrees.iter().fold(0, |bits, &degree| bits | bit(degree));
        if degrees.is_empty() {
            Self::ALL
        } else {
            Self(bits)
        }
    }

    /// Returns whether the set contains `degree`.
    #[must_use]
    pub fn contains(self, degree: Degree) -> bool {
        self.0 & bit(degree) != 0
    }
}

fn bit(degree: Degree) -> u8 {
    match degree {
        Degree::Itself => 0,
        Degree::First => 1,
        Degree::Second => 2,
        Degree::Third => 4,
        Degree::OutOfNetwork => 8,
    }
}

/// The degree of a node as far as the view alone decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The view contains the node, at this degree.
    At(Degree),
    /// The view lacks the node: 3rd degree or out of network. The node's connections decide.
    Beyond,
}

impl Network {
    /// Returns the standing of `node` by the view alone.
    pub(crate) fn standing(&self, node: NodeIndex) -> Standing {
        if self.view.first().contains(node.get()) {
            Standing::At(Degree::First)
        } else if self.view.second().contains(node.get()) {
            Standing::At(Degree::Second)
        } else if node == self.view.viewer() {
            Standing::At(Degree::Itself)
        } else {
            Standing::Beyond
        }
    }

    /// Returns the degree of a node that the view lacks: 3rd if one of its connections is at 2nd.
    pub(crate) fn degree_beyond(&self, node: NodeIndex, stop_check: &mut StopCheck<'_>) -> Degree {
        for neighbour in self.graph.neighbours(node) {
            if self.view.second().contains(neighbour.get()) {
                return Degree::Third;
            }
            if stop_check.step() {
                break;
            }
        }
        Degree::OutOfNetwork
    }

    /// Returns the nodes at the requested degrees, ascending; `None` unless the view alone names
    /// them all.
    pub(crate) fn nodes(&self) -> Option<NetworkNodes<'_>> {
        let beyond =
            self.degrees.contains(Degree::Third) || self.degrees.contains(Degree::OutOfNetwork);
        let walk = |degree, set: fn(&View) -> &NodeSet| {
            self.degrees
                .contains(degree)
                .then(|| Walk::new(set(&self.view).iter()))
        };
        (!beyond).then(|| NetworkNodes {
            first: walk(Degree::First, View::first),
            second: walk(Degree::Second, View::second),
        })
    }
}

/// An ascending walk over the union of a view's sets that can skip ahead.
pub(crate) struct NetworkNodes<'a> {
    first: Option<Walk<'a>>,
    second: Option<Walk<'a>>,
}

impl NetworkNodes<'_> {
    /// Returns the first node at or after `target`, or [`TERMINATED`] when there is none.
    pub(crate) fn seek(&mut self, target: u32) -> u32 {
        let walks = self.first.iter_mut().chain(self.second.iter_mut());
        walks
            .map(|walk| walk.seek(target))
            .min()
            .unwrap_or(TERMINATED)
    }
}

struct Walk<'a> {
    nodes: Nodes<'a>,
    node: u32,
}

impl<'a> Walk<'a> {
    fn new(mut nodes: Nodes<'a>) -> Self {
        let node = nodes.next().unwrap_or(TERMINATED);
        Self { nodes, node }
    }

    fn seek(&mut self, target: u32) -> u32 {
        if self.node < target {
            self.nodes.advance_to(target);
            self.node = self.nodes.next().unwrap_or(TERMINATED);
        }
        self.node
    }
}
