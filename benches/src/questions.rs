//! The questions of a run: viewers drawn by degree, each with a page of targets at all degrees.
//!
//! Members with many connections are seen more often, and look more often. A viewer's chance is the
//! number of the viewer's connections.
//!
//! A quarter of the targets each are at 1st, 2nd and 3rd degree and out of network. They alternate,
//! so that every beginning of a page is as mixed as the page. For a viewer with few members at a
//! degree, some of them repeat. Where there are none, targets of other degrees take their place.

use std::collections::HashSet;

use cloud_engine::{Budget, Degree, Graph, NodeIndex, NodeSet, Scratch, View, degree};
use cloud_proto::cloud::v1 as cloud;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::outcome::Outcome;

/// The targets of each viewer.
pub const TARGETS: usize = 100;
/// The draws after which a degree is considered empty.
const DRAWS_MAX: usize = 50;

/// A viewer, with a page of members.
#[derive(Clone, Debug)]
pub struct Question {
    /// The viewer's node.
    pub viewer: NodeIndex,
    /// The viewer's id.
    pub viewer_id: u64,
    /// The page of [`TARGETS`] members.
    pub targets: Vec<Target>,
}

/// A member of the page.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The member's node.
    pub node: NodeIndex,
    /// The member's id.
    pub id: u64,
    /// The right answer.
    pub degree: Degree,
}

impl Target {
    /// Returns the right answer in the form of the wire.
    pub fn wire_degree(self) -> cloud::Degree {
        match self.degree {
            Degree::Itself => cloud::Degree::Self_,
            Degree::First => cloud::Degree::First,
            Degree::Second => cloud::Degree::Second,
            Degree::Third => cloud::Degree::Third,
            Degree::OutOfNetwork => cloud::Degree::OutOfNetwork,
        }
    }
}

/// Draws `count` different viewers (fewer if the site has fewer) and their targets.
pub fn draw(graph: &Graph, count: usize, seed: u64) -> Outcome<Vec<Question>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut scratch = Scratch::new();
    let viewers = draw_viewers(graph, count, &mut random).into_iter();
    viewers
        .map(|viewer| draw_question(graph, viewer, &mut scratch, &mut random))
        .collect()
}

/// Draws the targets of one viewer.
pub fn draw_for(graph: &Graph, viewer: NodeIndex, seed: u64) -> Outcome<Question> {
    draw_question(
        graph,
        viewer,
        &mut Scratch::new(),
        &mut ChaCha8Rng::seed_from_u64(seed),
    )
}

fn draw_question(
    graph: &Graph,
    viewer: NodeIndex,
    scratch: &mut Scratch,
    random: &mut ChaCha8Rng,
) -> Outcome<Question> {
    let view = View::build(graph, viewer, scratch, &mut Budget::unlimited())?;
    let targets = (0..TARGETS)
        .map(|number| draw_target(graph, &view, number, random))
        .collect::<Outcome<_>>()?;
    Ok(Question {
        viewer,
        viewer_id: graph.member(viewer).get(),
        targets,
    })
}

fn draw_viewers(graph: &Graph, count: usize, random: &mut ChaCha8Rng) -> Vec<NodeIndex> {
    let mut ends = Vec::with_capacity(graph.node_bound() as usize);
    let mut half_edges = 0;
    for node in graph.nodes() {
        half_edges += graph.degree_of_node(node) as u64;
        ends.push((half_edges, node));
    }
    let connected = ends
        .iter()
        .filter(|(_, node)| graph.degree_of_node(*node) > 0)
        .count();
    let (mut drawn, mut viewers) = (HashSet::new(), Vec::new());
    while viewers.len() < count.min(connected) {
        let half_edge = random.random_range(0..half_edges);
        let position = ends.partition_point(|&(end, _)| end <= half_edge);
        if let Some(&(_, node)) = ends.get(position).filter(|(_, node)| drawn.insert(*node)) {
            viewers.push(node);
        }
    }
    viewers
}

fn draw_target(
    graph: &Graph,
    view: &View,
    number: usize,
    random: &mut ChaCha8Rng,
) -> Outcome<Target> {
    let (node, degree) = match number % 4 {
        0 => (member_of(view.first(), random), Degree::First),
        1 => (member_of(view.second(), random), Degree::Second),
        2 => (
            draw_at(graph, view, Degree::Third, random, near_second)?,
            Degree::Third,
        ),
        _ => (
            draw_at(graph, view, Degree::OutOfNetwork, random, anyone)?,
            Degree::OutOfNetwork,
        ),
    };
    let (node, degree) = match node {
        Some(node) => (node, degree),
        None => {
            // Any member except the viewer.
            let beyond = random.random_range(1..graph.node_bound().max(2));
            let node = NodeIndex::new((view.viewer().get() + beyond) % graph.node_bound());
            (node, degree_of(graph, view, node)?)
        }
    };
    Ok(Target {
        node,
        id: graph.member(node).get(),
        degree,
    })
}

fn draw_at(
    graph: &Graph,
    view: &View,
    wanted: Degree,
    random: &mut ChaCha8Rng,
    candidate: fn(&Graph, &View, &mut ChaCha8Rng) -> Option<NodeIndex>,
) -> Outcome<Option<NodeIndex>> {
    for _ in 0..DRAWS_MAX {
        match candidate(graph, view, random) {
            Some(node) if degree_of(graph, view, node)? == wanted => return Ok(Some(node)),
            _ => {}
        }
    }
    Ok(None)
}

fn near_second(graph: &Graph, view: &View, random: &mut ChaCha8Rng) -> Option<NodeIndex> {
    let node = member_of(view.second(), random)?;
    let neighbours = graph.degree_of_node(node);
    graph
        .neighbours(node)
        .nth(random.random_range(0..neighbours.max(1)))
}

fn anyone(graph: &Graph, _: &View, random: &mut ChaCha8Rng) -> Option<NodeIndex> {
    Some(NodeIndex::new(random.random_range(0..graph.node_bound())))
}

fn member_of(set: &NodeSet, random: &mut ChaCha8Rng) -> Option<NodeIndex> {
    let length = usize::try_from(set.len())
        .ok()
        .filter(|&length| length > 0)?;
    set.iter()
        .nth(random.random_range(0..length))
        .map(NodeIndex::new)
}

fn degree_of(graph: &Graph, view: &View, node: NodeIndex) -> Outcome<Degree> {
    Ok(degree(
        &mut view.whole(graph),
        node,
        &mut Budget::unlimited(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_engine::{Base, Writer};
    use cloud_model::{ConnectionTime, MemberId, Scn};
    use std::sync::Arc;

    #[test]
    fn targets_have_the_degrees_that_they_say() {
        // A path of 50 members: at most three at each degree but the last.
        let members: Vec<MemberId> = (1..=50).filter_map(MemberId::new).collect();
        let edges: Vec<_> = members
            .windows(2)
            .map(|pair| (pair[0], pair[1], ConnectionTime::UNKNOWN))
            .collect();
        let base = Base::from_edges(&members, &edges).unwrap();
        let graph = Writer::new(Arc::new(base), Scn::BEGINNING)
            .version()
            .graph();
        let questions = draw(&graph, 1_000, 7).unwrap();
        assert_eq!(questions.len(), 50);
        for Question {
            viewer, targets, ..
        } in questions
        {
            assert_eq!(targets.len(), TARGETS);
            for target in targets {
                let wanted = match viewer.get().abs_diff(target.node.get()) {
                    0 => Degree::Itself,
                    1 => Degree::First,
                    2 => Degree::Second,
                    3 => Degree::Third,
                    _ => Degree::OutOfNetwork,
                };
                assert_eq!(target.degree, wanted);
            }
        }
    }
}
