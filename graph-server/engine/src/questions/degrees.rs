//! Returns the degrees of a page of members, from a viewer's side.

use crate::{
    graph::Graph,
    node_index::NodeIndex,
    questions::{
        budget::{Budget, Stopped},
        view_at::{ViewAt, touches},
    },
    sets::node_set::NodeSet,
};

/// The targets whose memory is prefetched together. (Bench: "100 degrees on a warm view, in the
/// engine"; other numbers were not tried.)
const TARGETS_AHEAD: usize = 32;

/// The distance of a member from the viewer.
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

/// Returns the degree of each target, in order. A 1st or 2nd degree is a look-up in a set. For
/// other targets the connections are looked up until one is at 2nd degree: O(its connections).
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
pub fn degrees(
    view: &mut ViewAt<'_>,
    targets: &[NodeIndex],
    budget: &mut Budget<'_>,
) -> Result<Vec<Degree>, Stopped> {
    let mut found = Vec::with_capacity(targets.len());
    for targets in targets.chunks(TARGETS_AHEAD) {
        view.read_ahead(targets);
        for &target in targets {
            found.push(degree(view, target, budget)?);
        }
    }
    Ok(found)
}

/// Returns the degree of one target.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
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
    // None of the target's connections is the viewer or at 1st degree. Otherwise the target would
    // be at 1st or 2nd degree.
    let neighbours = view.graph().all_neighbours(target);
    Ok(if view.any_is_second(neighbours, budget)? {
        Degree::Third
    } else {
        Degree::OutOfNetwork
    })
}

/// Returns the degrees from the targets' side, without a view. This serves a viewer whose view
/// would visit many more edges than the targets' surroundings have. It takes O(its connections) for
/// each target, and O(their connections) for one that is not at 1st or 2nd degree.
///
/// # Errors
/// [`Stopped`] when the budget is exceeded.
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
    if touches(graph.all_neighbours(target), first, budget)? {
        return Ok(Degree::Second);
    }
    for node in graph.neighbours(target) {
        if touches(graph.all_neighbours(node), first, budget)? {
            return Ok(Degree::Third);
        }
    }
    Ok(Degree::OutOfNetwork)
}
