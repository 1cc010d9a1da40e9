//! The expected graph: a map of maps, changed one change at a time. It answers every question by
//! exhaustive search.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cloud_engine::{Base, Csr, Degree, Graph, GraphChange, NodeIndex};
use cloud_model::{ConnectionTime, LineageId, MemberId};

use crate::policy::Policy;

/// Each member's connections, with their times in milliseconds. The second field is the node order
/// of a base built from it, on which no answer may depend. The third is the policy, which such a
/// base does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model(
    pub(crate) BTreeMap<u64, BTreeMap<u64, u64>>,
    pub(crate) NodeOrder,
    pub(crate) Policy,
);

/// The order of a base's nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NodeOrder {
    /// By member id.
    #[default]
    ById,
    /// By a hash of the member id, which is practically random.
    Hashed(u64),
}

pub(crate) fn member(id: u64) -> MemberId {
    MemberId::new(id).expect("ids in tests are not 0")
}

impl Model {
    pub(crate) fn base(&self) -> Base {
        Base::from_content(LineageId::default(), &self.csr().content()).expect("a graph")
    }

    pub(crate) fn csr(&self) -> Csr {
        let mut members: Vec<MemberId> = self.0.keys().map(|&id| member(id)).collect();
        let csr = match self.1 {
            NodeOrder::ById => Csr::from_edges(&members, &self.edges()),
            NodeOrder::Hashed(seed) => {
                members.sort_by_key(|id| (id.get() ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                Csr::in_node_order(&members, &self.edges())
            }
        };
        csr.expect("a graph")
    }

    pub(crate) fn edges(&self) -> Vec<(MemberId, MemberId, ConnectionTime)> {
        let mut edges = Vec::new();
        for (&one, connections) in &self.0 {
            for (&other, &time) in connections.range(one..) {
                edges.push((
                    member(one),
                    member(other),
                    ConnectionTime::from_millis(time),
                ));
            }
        }
        edges
    }

    pub(crate) fn apply(&mut self, change: &GraphChange) {
        match *change {
            GraphChange::MemberAdded(id) => drop(self.0.entry(id.get()).or_default()),
            GraphChange::MemberNamed(_) => {}
            GraphChange::MemberRemoved(id) => {
                self.0.remove(&id.get());
                for connections in self.0.values_mut() {
                    connections.remove(&id.get());
                }
            }
            GraphChange::ConnectionAdded { member, other, .. } if member == other => {}
            GraphChange::ConnectionAdded {
                member,
                other,
                existing_only: true,
                ..
            } if ![member, other]
                .iter()
                .all(|id| self.0.contains_key(&id.get())) => {}
            GraphChange::ConnectionAdded {
                member,
                other,
                time,
                ..
            } => {
                self.0
                    .entry(member.get())
                    .or_default()
                    .insert(other.get(), time.millis());
                self.0
                    .entry(other.get())
                    .or_default()
                    .insert(member.get(), time.millis());
            }
            GraphChange::ConnectionRemoved { member, other } => {
                for (one, other) in [(member, other), (other, member)] {
                    if let Some(connections) = self.0.get_mut(&one.get()) {
                        connections.remove(&other.get());
                    }
                }
            }
            _ => self.2.apply(change),
        }
    }

    pub(crate) fn connections(&self, id: u64) -> BTreeMap<u64, u64> {
        self.0.get(&id).cloned().unwrap_or_default()
    }

    pub(crate) fn connection_count(&self) -> u64 {
        self.0
            .values()
            .map(|connections| connections.len() as u64)
            .sum::<u64>()
            / 2
    }

    /// Returns the edges from `viewer` to each reachable member, by breadth-first search.
    pub(crate) fn distances(&self, viewer: u64) -> BTreeMap<u64, u32> {
        let mut distances = BTreeMap::from([(viewer, 0)]);
        let mut queue = VecDeque::from([viewer]);
        while let Some(id) = queue.pop_front() {
            let next = distances[&id] + 1;
            for other in self.connections(id).into_keys() {
                distances.entry(other).or_insert_with(|| {
                    queue.push_back(other);
                    next
                });
            }
        }
        distances
    }

    pub(crate) fn degree(&self, viewer: u64, target: u64) -> Degree {
        match self.distances(viewer).get(&target) {
            Some(0) => Degree::Itself,
            Some(1) => Degree::First,
            Some(2) => Degree::Second,
            Some(3) => Degree::Third,
            _ => Degree::OutOfNetwork,
        }
    }

    pub(crate) fn at_degree(&self, viewer: u64, degree: u32) -> BTreeSet<u64> {
        let distances = self.distances(viewer).into_iter();
        distances
            .filter(|(_, distance)| *distance == degree)
            .map(|(id, _)| id)
            .collect()
    }

    pub(crate) fn shared(&self, one: u64, other: u64) -> Vec<u64> {
        let others = self.connections(other);
        self.connections(one)
            .into_keys()
            .filter(|id| others.contains_key(id))
            .collect()
    }

    /// Returns all shortest paths, ordered by ids from the end backwards.
    pub(crate) fn paths(&self, viewer: u64, target: u64) -> Vec<Vec<u64>> {
        let distances = self.distances(viewer);
        let Some(&distance) = distances.get(&target) else {
            return Vec::new();
        };
        let mut reversed = vec![vec![target]];
        for nearer in (0..distance).rev() {
            let longer = |path: Vec<u64>| {
                let last = path.last().copied().unwrap_or_default();
                let before = self.connections(last).into_keys();
                let before = before.filter(|id| distances.get(id) == Some(&nearer));
                before
                    .map(|id| [path.as_slice(), &[id]].concat())
                    .collect::<Vec<_>>()
            };
            reversed = reversed.into_iter().flat_map(longer).collect();
        }
        reversed.sort();
        reversed.iter_mut().for_each(|path| path.reverse());
        reversed
    }

    /// Returns the members at 2nd degree with the number of shared connections, most first, then by
    /// id.
    pub(crate) fn suggestions(&self, viewer: u64) -> Vec<(u64, u32)> {
        let shared = |id| (id, self.shared(viewer, id).len() as u32);
        let mut found: Vec<(u64, u32)> =
            self.at_degree(viewer, 2).into_iter().map(shared).collect();
        found.sort_by_key(|&(id, shared)| (std::cmp::Reverse(shared), id));
        found
    }

    /// Returns a path of at most three edges: the shortest, and of those the smallest from the end
    /// backwards.
    pub(crate) fn path(&self, viewer: u64, target: u64) -> Vec<u64> {
        let mut paths = vec![vec![viewer]];
        for _ in 0..4 {
            let mut found: Vec<Vec<u64>> = paths
                .iter()
                .filter(|path| path.last() == Some(&target))
                .cloned()
                .collect();
            found.iter_mut().for_each(|path| path.reverse());
            if let Some(smallest) = found.into_iter().min() {
                return smallest.into_iter().rev().collect();
            }
            let longer = |path: Vec<u64>| {
                let last = path.last().copied().unwrap_or_default();
                self.connections(last)
                    .into_keys()
                    .map(move |next| [path.as_slice(), &[next]].concat())
            };
            paths = paths.into_iter().flat_map(longer).collect();
        }
        Vec::new()
    }
}

/// Returns the members at these nodes.
pub(crate) fn members_at(graph: &Graph, nodes: impl IntoIterator<Item = u32>) -> BTreeSet<u64> {
    nodes
        .into_iter()
        .map(|node| graph.member(NodeIndex::new(node)).get())
        .collect()
}

/// Checks every answer about single nodes against the model. `known` are all ids that may have been
/// seen.
pub(crate) fn check_graph(graph: &Graph, model: &Model, known: &[u64]) {
    let at = graph.scn();
    model.2.check(graph, known);
    let nodes: BTreeSet<u64> = graph.nodes().map(|node| graph.member(node).get()).collect();
    assert_eq!(nodes, model.0.keys().copied().collect(), "members at {at}");
    for &id in known {
        let node = graph.node(member(id));
        assert_eq!(
            node.is_some(),
            model.0.contains_key(&id),
            "existence of {id} at {at}"
        );
        let Some(node) = graph.known_node(member(id)) else {
            continue;
        };
        assert_eq!(graph.member(node), member(id));
        let expected = model.connections(id);
        let neighbours: Vec<NodeIndex> = graph.neighbours(node).collect();
        assert!(
            neighbours.is_sorted_by(|one, other| one < other),
            "{neighbours:?}"
        );
        assert!(
            neighbours
                .iter()
                .all(|node| node.get() < graph.node_bound())
        );
        let folded = graph.neighbours(node).fold(0, |count, _| count + 1);
        assert_eq!(
            (folded, graph.degree_of_node(node)),
            (expected.len(), expected.len())
        );
        let connections = graph.connections(node).expect("times can be read");
        assert!(
            connections
                .iter()
                .map(|connection| connection.node)
                .eq(neighbours),
            "connections of {id} at {at}"
        );
        for step in [1, 2, 7] {
            let some = || connections.iter().step_by(step);
            let neighbours: Vec<NodeIndex> = some().map(|found| found.node).collect();
            let times = graph.times(node, &neighbours).read();
            let times = times.expect("times can be read");
            assert!(some().map(|found| found.time).eq(times), "{id} at {at}");
        }
        let timed = connections
            .iter()
            .map(|found| (graph.member(found.node).get(), found.time.millis()));
        assert_eq!(
            timed.collect::<BTreeMap<_, _>>(),
            expected,
            "connections of {id} at {at}"
        );
        for &other in known {
            let Some(other_node) = graph.known_node(member(other)) else {
                continue;
            };
            assert_eq!(
                graph.connected(node, other_node),
                expected.contains_key(&other),
                "{id} to {other} at {at}"
            );
        }
    }
}
