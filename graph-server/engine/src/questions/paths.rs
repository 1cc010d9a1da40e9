//! "Through whom do I know this member, in every way?": all shortest paths between two members.
//!
//! Both ends grow by whole levels (all nodes at one distance) until two levels meet. The side whose
//! next level visits fewer edges grows first. A path of six edges is found after three levels from
//! each end. Nodes where levels meet lie on shortest paths. From there on only nodes on shortest
//! paths are visited: to count the paths, and to list the first of them.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        gather::gather,
        view::View,
    },
    sets::{node_set::NodeSet, scratch::Scratch},
};
use cloud_model::MemberId;

/// The paths to find.
#[derive(Clone, Copy, Debug)]
pub struct PathsQuestion<'a> {
    /// The node where they begin.
    pub viewer: NodeIndex,
    /// The node where they end.
    pub target: NodeIndex,
    /// The viewer's view, if there is one that holds for the graph. It supplies the first two
    /// levels.
    pub view: Option<&'a View>,
    /// The greatest length of a path.
    pub distance_max: u32,
    /// The greatest number of paths to list.
    pub limit: usize,
}

/// All shortest paths between two members, counted, and the first of them listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortestPaths {
    /// The edges of each path. `None` when no path is short enough.
    pub distance: Option<u32>,
    /// The paths from the viewer to the target, both included. They are ordered by member ids, read
    /// from the target's end, so that the first is the one that
    /// [`shortest_path`](crate::shortest_path) returns.
    pub paths: Vec<Vec<MemberId>>,
    /// The number of paths, listed or not. It stays at `u64::MAX` when there are more.
    pub total: u64,
}

/// Finds all shortest paths. Visits the edges of each level that is grown, and twice those of the
/// nodes on shortest paths.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn shortest_paths(
    graph: &Graph,
    question: &PathsQuestion<'_>,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<ShortestPaths, Stopped> {
    let Some(levels) = on_paths(graph, question, scratch, budget)? else {
        return Ok(ShortestPaths::default());
    };
    let total = count(graph, &levels, budget)?;
    let mut trace = Trace {
        graph,
        levels: &levels,
        limit: question.limit,
        before: HashMap::new(),
        paths: Vec::new(),
    };
    trace.back_from(&mut vec![question.target.get()], budget)?;
    Ok(ShortestPaths {
        distance: Some(levels.len() as u32 - 1),
        paths: trace.paths,
        total,
    })
}

/// Returns the nodes on shortest paths by distance from the viewer, each level ascending.
fn on_paths(
    graph: &Graph,
    question: &PathsQuestion<'_>,
    scratch: &mut Scratch,
    budget: &mut Budget<'_>,
) -> Result<Option<Vec<Vec<u32>>>, Stopped> {
    debug_assert!(question.view.is_none_or(|view| view.holds_for(graph)));
    let mut near = End::new(question.viewer, question.view);
    let mut far = End::new(question.target, None);
    let meeting = loop {
        let meeting = near.last().intersection(far.last());
        if !meeting.is_empty() {
            break meeting;
        }
        let ended = near.last().is_empty() || far.last().is_empty();
        if ended || near.depth() + far.depth() >= question.distance_max as usize {
            return Ok(None);
        }
        let near_cost = near.cost(graph, u64::MAX, budget)?;
        if far.cost(graph, near_cost, budget)? < near_cost {
            far.grow(graph, scratch, budget)?;
        } else {
            near.grow(graph, scratch, budget)?;
        }
    };
    // Each side is followed back through its own levels from where they met. Its start is a level
    // of one node.
    let mut levels = Vec::new();
    for side in [&near, &far] {
        let mut toward = Vec::new();
        let mut nodes = meeting.clone();
        for level in side.levels.iter().rev().skip(1) {
            if level.len() > 1 {
                gather(graph, nodes, scratch, budget)?;
                nodes = scratch.drain();
                nodes.retain(|&node| level.contains(node));
            } else {
                nodes = level.iter().collect();
            }
            toward.push(nodes.clone());
        }
        levels.push(toward);
    }
    let (from_far, from_near) = (levels.pop(), levels.pop());
    let from_near = from_near.unwrap_or_default().into_iter().rev();
    let from_far = from_far.unwrap_or_default();
    let levels = from_near.chain([meeting]).chain(from_far);
    Ok(Some(levels.collect()))
}

/// The levels around one of the ends: the nodes at distance 0, 1, 2 and so on.
struct End<'a> {
    levels: Vec<Cow<'a, NodeSet>>,
    view: Option<&'a View>,
}

impl<'a> End<'a> {
    fn new(start: NodeIndex, view: Option<&'a View>) -> Self {
        let start = NodeSet::from_ascending(&[start.get()]);
        Self {
            levels: vec![Cow::Owned(start)],
            view,
        }
    }

    fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    fn last(&self) -> &NodeSet {
        &self.levels[self.depth()]
    }

    /// Returns the next level, if the view has it.
    fn of_view(&self) -> Option<&'a NodeSet> {
        match self.depth() {
            0 => self.view.map(View::first),
            1 => self.view.map(View::second),
            _ => None,
        }
    }

    /// Returns the edges that the next level visits, or any number above `limit` if they are more.
    fn cost(&self, graph: &Graph, limit: u64, budget: &mut Budget<'_>) -> Result<u64, Stopped> {
        if self.of_view().is_some() {
            return Ok(0);
        }
        budget.spend(self.last().len() as usize)?;
        let mut cost = 0;
        for node in self.last() {
            cost += graph.all_neighbours(NodeIndex::new(node)).count_max() as u64;
            if cost > limit {
                break;
            }
        }
        Ok(cost)
    }

    fn grow(
        &mut self,
        graph: &Graph,
        scratch: &mut Scratch,
        budget: &mut Budget<'_>,
    ) -> Result<(), Stopped> {
        if let Some(level) = self.of_view() {
            self.levels.push(Cow::Borrowed(level));
            return Ok(());
        }
        gather(graph, self.last(), scratch, budget)?;
        // A neighbour is at the previous distance, the same, or the next.
        for level in self.levels.iter().rev().take(2) {
            level.iter().for_each(|node| scratch.remove(node));
        }
        let level = NodeSet::from_ascending(&scratch.drain());
        self.levels.push(Cow::Owned(level));
        Ok(())
    }
}

/// Counts the paths through the levels.
fn count(graph: &Graph, levels: &[Vec<u32>], budget: &mut Budget<'_>) -> Result<u64, Stopped> {
    let mut ways = vec![1_u64];
    for (before, level) in levels.iter().zip(levels.iter().skip(1)) {
        let mut next = Vec::with_capacity(level.len());
        for &node in level {
            let mut to_node = 0_u64;
            each_among(graph, node, before, budget, |place| {
                to_node = to_node.saturating_add(ways[place]);
            })?;
            next.push(to_node);
        }
        ways = next;
    }
    Ok(ways.into_iter().fold(0, u64::saturating_add))
}

/// Calls `visit` with the place in `nodes` (ascending) of each neighbour of `node` among them,
/// ascending.
fn each_among(
    graph: &Graph,
    node: u32,
    nodes: &[u32],
    budget: &mut Budget<'_>,
    mut visit: impl FnMut(usize),
) -> Result<(), Stopped> {
    let neighbours = graph.all_neighbours(NodeIndex::new(node));
    if let Some(cost) = neighbours.search_cost(nodes.len()) {
        budget.spend(cost)?;
        let found = (0..).zip(nodes);
        let found = found.filter(|(_, node)| neighbours.contains(**node));
        found.for_each(|(place, _)| visit(place));
        return Ok(());
    }
    budget.spend(neighbours.count_max())?;
    neighbours
        .filter_map(|node| nodes.binary_search(&node.get()).ok())
        .for_each(visit);
    Ok(())
}

/// Lists paths, from the target backwards. Every step leads to the viewer, so no step is wasted.
struct Trace<'a> {
    graph: &'a Graph,
    levels: &'a [Vec<u32>],
    limit: usize,
    /// The nodes one step nearer, by node: in order, at most the limit.
    before: HashMap<u32, Rc<[u32]>>,
    paths: Vec<Vec<MemberId>>,
}

impl Trace<'_> {
    /// Continues from the last node of `path`, which is reversed.
    fn back_from(&mut self, path: &mut Vec<u32>, budget: &mut Budget<'_>) -> Result<(), Stopped> {
        let node = path[path.len() - 1];
        let Some(nearer) = self.levels.len().checked_sub(path.len() + 1) else {
            let members = path.iter().rev();
            let members = members.map(|&node| self.graph.member(NodeIndex::new(node)));
            self.paths.push(members.collect());
            return Ok(());
        };
        for &before in &*self.before(node, &self.levels[nearer], budget)? {
            if self.paths.len() == self.limit {
                break;
            }
            path.push(before);
            self.back_from(path, budget)?;
            path.pop();
        }
        Ok(())
    }

    fn before(
        &mut self,
        node: u32,
        nearer: &[u32],
        budget: &mut Budget<'_>,
    ) -> Result<Rc<[u32]>, Stopped> {
        if let Some(before) = self.before.get(&node) {
            return Ok(Rc::clone(before));
        }
        let mut before = Vec::new();
        each_among(self.graph, node, nearer, budget, |place| {
            before.push(nearer[place]);
        })?;
        before.sort_unstable_by_key(|&node| self.graph.member(NodeIndex::new(node)));
        before.truncate(self.limit);
        let before: Rc<[u32]> = before.into();
        self.before.insert(node, Rc::clone(&before));
        Ok(before)
    }
}
