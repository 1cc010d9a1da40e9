//! A view that answers about single members, at an SCN that need not be its own.
//!
//! The whole view holds only until a 1st-degree connection changes. With thousands of changes a
//! second that is soon, for a viewer with many connections. The 2nd degree of one member depends on
//! less: the member's own connections and the viewer's.
//!
//! The view therefore still answers at another SCN for every node whose chain has no entry between
//! the two. For a node with entries, these decide whether the view's answer still counts. The few
//! remaining nodes are computed from the graph. The answers are exact, and the view is never
//! changed: results for another SCN are dropped with the question. (Bench: "GetDegrees, open loop
//! at 30 %, with 10,000 changes/s against none".)

use std::borrow::Cow;

use crate::{
    graph::Graph,
    neighbours::Neighbours,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        view::View,
    },
    sets::node_set::NodeSet,
};
use cloud_model::Scn;

/// A view, with the graph that it answers about.
#[derive(Debug)]
pub struct ViewAt<'a> {
    graph: &'a Graph,
    view: &'a View,
    /// The viewer's connections at the graph's SCN.
    first: Cow<'a, NodeSet>,
    since: Option<Since>,
    extra_edges: u64,
}

/// The changes between the view's SCN and the graph's.
#[derive(Debug)]
struct Since {
    /// Entries above this SCN and not above `through` count.
    after: Scn,
    through: Scn,
    /// 1st-degree connections of the view that are none in the graph.
    lost: NodeSet,
    /// The connections of those 1st-degree connections of the graph that are none in the view.
    near_gained: NodeSet,
}

impl View {
    /// Pairs the view with a graph for which it holds as a whole.
    #[must_use]
    pub fn whole<'a>(&'a self, graph: &'a Graph) -> ViewAt<'a> {
        debug_assert!(self.holds_for(graph));
        self.asked(graph, None)
    }

    /// Pairs the view with the graph, which must be of the same lineage. Visits nothing unless the
    /// viewer's own connections changed. In that case it visits them, and the edges of the new
    /// ones.
    ///
    /// `None` when the view is from before the graph's version began or after it ended. Also `None`
    /// when the viewer was removed, came back, was hidden or is hidden no more between the two
    /// SCNs.
    ///
    /// # Errors
    /// [`Stopped`] when the budget is exceeded.
    pub fn at<'a>(
        &'a self,
        graph: &'a Graph,
        budget: &mut Budget<'_>,
    ) -> Result<Option<ViewAt<'a>>, Stopped> {
        let (after, through) = match self.span_to(graph) {
            None => return Ok(None),
            Some(None) => return Ok(Some(self.asked(graph, None))),
            Some(Some(span)) => span,
        };
        let mut since = Since {
            after,
            through,
            lost: NodeSet::default(),
            near_gained: NodeSet::default(),
        };
        let mut changed = changed_between(graph, self.viewer(), after, through).peekable();
        if changed.peek().is_none() {
            return Ok(Some(self.asked(graph, Some(since))));
        }
        if changed.any(|node| node == self.viewer()) {
            return Ok(None);
        }
        let neighbours = graph.neighbours(self.viewer());
        let mut extra_edges = neighbours.count_max() as u64;
        budget.spend(neighbours.count_max())?;
        let first = NodeSet::from_neighbours(neighbours);
        let mut near_gained = Vec::new();
        for gained in first.iter().filter(|&node| !self.first().contains(node)) {
            let neighbours = graph.all_neighbours(NodeIndex::new(gained));
            extra_edges += neighbours.count_max() as u64;
            budget.spend(neighbours.count_max())?;
            near_gained.extend(neighbours.map(NodeIndex::get));
        }
        near_gained.sort_unstable();
        near_gained.dedup();
        since.near_gained = NodeSet::from_ascending(&near_gained);
        since.lost = self.first().difference(&first);
        Ok(Some(ViewAt {
            graph,
            view: self,
            first: Cow::Owned(first),
            since: Some(since),
            extra_edges,
        }))
    }

    /// Returns an upper bound of the edges that [`at`](Self::at) visits, by one look at each new
    /// connection. `None` when `at` returns none.
    #[must_use]
    pub fn cost_at(&self, graph: &Graph) -> Option<u64> {
        let Some((after, through)) = self.span_to(graph)? else {
            return Some(0);
        };
        let edges = |node| graph.neighbours(node).count_max() as u64;
        let mut cost = 0;
        for node in changed_between(graph, self.viewer(), after, through) {
            if node == self.viewer() {
                return None;
            }
            if cost == 0 {
                cost = edges(self.viewer());
            }
            cost += edges(node);
        }
        Some(cost)
    }

    fn asked<'a>(&'a self, graph: &'a Graph, since: Option<Since>) -> ViewAt<'a> {
        ViewAt {
            graph,
            view: self,
            first: Cow::Borrowed(self.first()),
            since,
            extra_edges: 0,
        }
    }
}

impl<'a> ViewAt<'a> {
    /// Returns the graph.
    #[must_use]
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Returns the viewer.
    #[must_use]
    pub fn viewer(&self) -> NodeIndex {
        self.view.viewer()
    }

    /// Returns the nodes connected to the viewer.
    #[must_use]
    pub fn first(&self) -> &NodeSet {
        &self.first
    }

    /// Returns the edges and entries visited only because the view is of another SCN. A new view
    /// costs [`View::edges`].
    #[must_use]
    pub fn extra_edges(&self) -> u64 {
        self.extra_edges
    }

    /// Prefetches what the degrees of these nodes read, step by step: the bounds of their rows and
    /// the sets; the rows; and the sets again for the neighbours of those whose row decides. Each
    /// step is prefetched for all of them before it is read. (Bench: "100 degrees on a warm view,
    /// in the engine".)
    pub(crate) fn read_ahead(&self, nodes: &[NodeIndex]) {
        let version = self.graph.version();
        nodes
            .iter()
            .for_each(|&node| version.read_bounds_ahead(node));
        self.view.read_nodes_ahead(nodes);
        let undecided = || nodes.iter().filter(|&&node| !self.view.may_be_near(node));
        undecided().for_each(|&node| version.read_row_ahead(node));
        for &node in undecided() {
            self.view.read_row_ahead(version.base_row(node));
        }
    }

    /// Returns whether a node is at 1st degree.
    #[inline]
    pub(crate) fn is_first(&self, node: NodeIndex) -> bool {
        match &self.first {
            Cow::Borrowed(_) => self.view.is_first(node),
            Cow::Owned(first) => first.contains(node.get()),
        }
    }

    /// Returns whether a node is at 2nd degree. The node must be neither the viewer nor at 1st
    /// degree.
    #[inline]
    pub(crate) fn is_second(
        &mut self,
        node: NodeIndex,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        let was = self.view.is_second(node);
        match &self.since {
            None => Ok(was),
            Some(_) => self.is_second_since(node, was, budget),
        }
    }

    /// Returns whether one of `nodes` is at 2nd degree. None of them may be the viewer or at 1st
    /// degree.
    pub(crate) fn any_is_second(
        &mut self,
        mut nodes: Neighbours<'_>,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        budget.spend(nodes.count_max())?;
        if self.since.is_none() {
            return Ok(nodes.any(|node| self.view.is_second(node)));
        }
        for node in nodes {
            if self.is_second(node, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_second_since(
        &mut self,
        node: NodeIndex,
        was: bool,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        let Some(since) = &self.since else {
            return Ok(was);
        };
        // A node at 2nd degree may have been reached only through lost 1st-degree connections. For
        // a lost connection itself, the view does not hold what else leads to it.
        let is_open = if was {
            !since.lost.is_empty()
        } else {
            since.lost.contains(node.get())
        };
        if !is_open {
            let (entries, matters) = self.entries_since(since, node);
            if !matters {
                let is_near_gained = since.near_gained.contains(node.get());
                self.extra_edges += entries;
                return Ok((was || is_near_gained) && !self.graph.hides(node));
            }
        }
        let neighbours = self.graph.all_neighbours(node);
        self.extra_edges += neighbours.count_max() as u64;
        Ok(touches(neighbours, &self.first, budget)? && !self.graph.hides(node))
    }

    /// Returns the number of the node's entries between the two SCNs, and whether one may change
    /// the node's degree. Such an entry is about a member at 1st degree, or about the node's own
    /// existence.
    fn entries_since(&self, since: &Since, node: NodeIndex) -> (u64, bool) {
        let mut entries = 0;
        for other in changed_between(self.graph, node, since.after, since.through) {
            entries += 1;
            if other == node || self.first.contains(other.get()) {
                return (entries, true);
            }
        }
        (entries, false)
    }
}

/// Returns the nodes with which the node's connections changed above one SCN and not above another.
/// Includes the node itself when its member was removed or came back, and the nodes of members who
/// were hidden or are hidden no more.
fn changed_between(
    graph: &Graph,
    node: NodeIndex,
    after: Scn,
    through: Scn,
) -> impl Iterator<Item = NodeIndex> + '_ {
    let chains = &graph.version().overlay.graph;
    let touched = chains.is_touched(node).then(|| chains.chain(node, through));
    let entries = touched.into_iter().flatten();
    entries
        .take_while(move |link| link.scn > after.get())
        .map(|link| NodeIndex::new(link.neighbour))
}

/// Returns whether one of `neighbours` is in `set`.
pub(crate) fn touches(
    mut neighbours: Neighbours<'_>,
    set: &NodeSet,
    budget: &mut Budget<'_>,
) -> Result<bool, Stopped> {
    budget.spend(neighbours.count_max())?;
    Ok(neighbours.any(|node| set.contains(node.get())))
}
