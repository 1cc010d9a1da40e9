//! Random graphs and random histories of changes, as data that proptest can shrink.

use std::collections::BTreeSet;

use cloud_engine::GraphChange;
use cloud_model::{ConnectionTime, Scn};
use proptest::prelude::*;

use crate::{
    model::{Model, NodeOrder, member},
    policy::change_of_policy,
};

/// The structure of a graph's edges.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Uniform,
    Preferential,
    Star,
    Clique,
    Path,
    NoEdges,
}

/// A window of the log.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) scn: Scn,
    pub(crate) changes: Vec<GraphChange>,
}

/// A graph, the changes to it, and the ids that occur in either, with one that does not.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) model: Model,
    pub(crate) begins: Scn,
    pub(crate) windows: Vec<Window>,
    pub(crate) known: Vec<u64>,
}

/// Generates a graph of at most `members_max` members, in a shape of any kind, its nodes in any
/// order.
pub(crate) fn graphs(members_max: usize) -> impl Strategy<Value = Model> {
    let shape = prop_oneof![
        Just(Shape::Uniform),
        Just(Shape::Preferential),
        Just(Shape::Star),
        Just(Shape::Clique),
        Just(Shape::Path),
        Just(Shape::NoEdges),
    ];
    let dense = (1..1_000u64, 0..=members_max)
        .prop_map(|(first, count)| (first..first + count as u64).collect());
    let sparse = prop::collection::btree_set(1..u64::MAX, 0..=members_max);
    let ids = prop_oneof![dense, sparse]
        .prop_map(|ids: BTreeSet<u64>| Vec::from_iter(ids))
        .prop_shuffle();
    let choices = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            any::<prop::sample::Index>(),
            times(),
        ),
        60,
    );
    let order = prop_oneof![
        Just(NodeOrder::ById),
        any::<u64>().prop_map(NodeOrder::Hashed)
    ];
    (shape, ids, choices, order).prop_map(|(shape, ids, choices, order)| {
        let mut model = graph(shape, &ids, &choices);
        model.1 = order;
        model
    })
}

/// Generates a graph and up to `windows_max` windows of changes to it.
pub(crate) fn histories(members_max: usize, windows_max: usize) -> impl Strategy<Value = History> {
    let changes = prop::collection::vec(raw_change(), 0..7);
    let windows = prop::collection::vec((1..5u64, changes), 0..=windows_max);
    let strangers = prop::collection::btree_set(1..u64::MAX, 1..4);
    (graphs(members_max), strangers, 0..3u64, windows).prop_map(
        |(model, strangers, begins, raw)| {
            let known: BTreeSet<u64> = model.0.keys().copied().chain(strangers).collect();
            let known: Vec<u64> = known.into_iter().collect();
            let mut scn = begins;
            let windows = raw.into_iter().map(|(gap, changes)| {
                scn += gap;
                Window {
                    scn: Scn::new(scn),
                    changes: changes.iter().map(|raw| raw.change(&known)).collect(),
                }
            });
            let windows = windows.collect();
            History {
                model,
                begins: Scn::new(begins),
                windows,
                known,
            }
        },
    )
}

#[derive(Clone, Debug)]
struct RawChange {
    kind: u32,
    one: prop::sample::Index,
    other: prop::sample::Index,
    time: u64,
}

fn raw_change() -> impl Strategy<Value = RawChange> {
    (
        0..20u32,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        times(),
    )
        .prop_map(|(kind, one, other, time)| RawChange {
            kind,
            one,
            other,
            time,
        })
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![0..4u64, 0..2_000_000_000_000u64]
}

impl RawChange {
    fn change(&self, known: &[u64]) -> GraphChange {
        let (one, other) = (member(*self.one.get(known)), member(*self.other.get(known)));
        match self.kind {
            0 => GraphChange::MemberRemoved(one),
            1 => GraphChange::MemberAdded(one),
            2..=5 => GraphChange::ConnectionRemoved { member: one, other },
            12.. => change_of_policy(self.kind, one, other, self.time),
            _ => GraphChange::ConnectionAdded {
                existing_only: self.kind == 6,
                member: one,
                other,
                time: ConnectionTime::from_millis(self.time),
            },
        }
    }
}

fn graph(
    shape: Shape,
    ids: &[u64],
    choices: &[(prop::sample::Index, prop::sample::Index, u64)],
) -> Model {
    let mut model = Model::default();
    ids.iter()
        .for_each(|&id| model.apply(&GraphChange::MemberAdded(member(id))));
    let times = choices.iter().map(|choice| choice.2).cycle();
    let pairs: Vec<(u64, u64)> = match shape {
        _ if ids.is_empty() => Vec::new(),
        Shape::NoEdges => Vec::new(),
        Shape::Uniform => choices
            .iter()
            .map(|(one, other, _)| (*one.get(ids), *other.get(ids)))
            .collect(),
        Shape::Star => ids.iter().map(|&id| (ids[0], id)).collect(),
        Shape::Path => ids.windows(2).map(|pair| (pair[0], pair[1])).collect(),
        Shape::Clique => ids
            .iter()
            .flat_map(|&one| ids.iter().map(move |&other| (one, other)))
            .collect(),
        Shape::Preferential => {
            // One end of each edge is drawn from the ends of earlier edges.
            let mut ends = vec![ids[0]];
            let mut pairs = Vec::new();
            for (&id, (one, other, _)) in ids.iter().zip(choices) {
                for target in [*one.get(&ends), *other.get(&ends)] {
                    pairs.push((id, target));
                    ends.extend([id, target]);
                }
            }
            pairs
        }
    };
    for ((one, other), time) in pairs.into_iter().zip(times) {
        let time = ConnectionTime::from_millis(time);
        model.apply(&GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(one),
            other: member(other),
            time,
        });
    }
    model
}
