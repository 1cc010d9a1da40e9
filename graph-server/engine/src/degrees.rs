//! "Here is a viewer and a page of members, give me their degrees."

use roaring::RoaringBitmap;

use crate::budget::{Budget, Stopped};
use crate::graph::Graph;
use crate::ids::NodeIndex;
use crate::scratch::sorted;
use crate::view::View;

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

/// The degree of each target, in order. The view must hold for the graph. A 1st or 2nd degree is a look-up in a set; for the
/// others the target's connections are looked up until one is at 2nd degree: O(its connections).
pub fn degrees(
    graph: &Graph,
    view: &View,
    targets: &[NodeIndex],
    budget: &mut Budget<'_>,
) -> Result<Vec<Degree>, Stopped> {
    debug_assert!(view.holds_for(graph));
    targets
        .iter()
        .map(|&target| degree(graph, view, target, budget))
        .collect()
}

/// The degree of one target. The view must hold for the graph.
pub fn degree(
    graph: &Graph,
    view: &View,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Degree, Stopped> {
    if target == view.viewer() {
        return Ok(Degree::Itself);
    }
    if view.first().contains(target.get()) {
        return Ok(Degree::First);
    }
    if view.second().contains(target.get()) {
        return Ok(Degree::Second);
    }
    let third = touches(graph, target, view.second(), budget)?;
    Ok(if third {
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
    let first = sorted(graph.neighbours(viewer).map(NodeIndex::get));
    targets
        .iter()
        .map(|&target| degree_from_target(graph, viewer, &first, target, budget))
        .collect()
}

fn degree_from_target(
    graph: &Graph,
    viewer: NodeIndex,
    first: &RoaringBitmap,
    target: NodeIndex,
    budget: &mut Budget<'_>,
) -> Result<Degree, Stopped> {
    if target == viewer {
        return Ok(Degree::Itself);
    }
    if first.contains(target.get()) {
        return Ok(Degree::First);
    }
    if touches(graph, target, first, budget)? {
        return Ok(Degree::Second);
    }
    for node in graph.neighbours(target) {
        if touches(graph, node, first, budget)? {
            return Ok(Degree::Third);
        }
    }
    Ok(Degree::OutOfNetwork)
}

/// Whether a neighbour of `node` is in `set`.
fn touches(
    graph: &Graph,
    node: NodeIndex,
    set: &RoaringBitmap,
    budget: &mut Budget<'_>,
) -> Result<bool, Stopped> {
    let mut neighbours = graph.neighbours(node);
    budget.spend(neighbours.count_max())?;
    Ok(neighbours.any(|node| set.contains(node.get())))
}
