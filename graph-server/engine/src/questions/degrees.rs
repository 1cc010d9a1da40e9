//! "Here is a viewer and a page of members, give me their degrees."

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        view_at::{ViewAt, touches},
    },
    sets::node_set::NodeSet,
};

/// How close a member is to the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Degree {
    /// The viewer.
    Itself,
    /// Connected to the viewer.
    First,
    /// Connected to a 1st-degree connection.
    Second,
    /// Connected to a member at 2nd degree.
    Third,
    /// Further away, or not reachable.
    OutOfNetwork,
}

/// The degree of each target, in order. A 1st or 2nd degree is a look-up in a set; for the others the target's connections are
/// looked up until one is at 2nd degree: O(its connections).
pub fn degrees(
    view: &mut ViewAt<'_>,
    targets: &[NodeIndex],
    budget: &mut Budget<'_>,
) -> Result<Vec<Degree>, Stopped> {
    targets
        .iter()
        .map(|&target| degree(view, target, budget))
        .collect()
}

/// The degree of one target.
pub fn degree(
    view: &mut ViewAt<'_>,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Degree, Stopped> {
    if target == view.viewer() {
        return Ok(Degree::Itself);
    }
    if view.is_first(target) {
        return Ok(Degree::First);
    }
    if view.is_second(target, budget)? {
        return Ok(Degree::Second);
    }
    // No connection of the target is the viewer or at 1st degree, or the target would be at 1st or 2nd itself.
    let neighbours = view.graph().neighbours(target);
    Ok(if view.any_is_second(neighbours, budget)? {
        Degree::Third
    } else {
        Degree::OutOfNetwork
    })
}

/// The same from the targets' side, without a view: for a viewer whose view would visit many more edges than the targets'
/// surroundings do. For each target O(its connections), and for one that is not at 1st or 2nd degree O(their connections).
pub fn degrees_from_targets(
    graph: &Graph,
    viewer: NodeIndex,
    targets: &[NodeIndex],
    budget: &mut Budget<'_>,
) -> Result<Vec<Degree>, Stopped> {
    budget.spend(graph.neighbours(viewer).count_max())?;
    let first = NodeSet::from_neighbours(graph.neighbours(viewer));
    targets
        .iter()
        .map(|&target| degree_from_target(graph, viewer, &first, target, budget))
        .collect()
}

fn degree_from_target(
    graph: &Graph,
    viewer: NodeIndex,
    first: &NodeSet,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Degree, Stopped> {
    if target == viewer {
        return Ok(Degree::Itself);
    }
    if first.contains(target.get()) {
        return Ok(Degree::First);
    }
    if touches(graph.neighbours(target), first, budget)? {
        return Ok(Degree::Second);
    }
    for node in graph.neighbours(target) {
        if touches(graph.neighbours(node), first, budget)? {
            return Ok(Degree::Third);
        }
    }
    Ok(Degree::OutOfNetwork)
}
