//! Every question equals brute force, on graphs of every shape, at every SCN of a history.

use std::collections::BTreeSet;

use cloud_engine::{
    Budget, ConnectionOrder, Degree, Graph, ListedConnection, NodeIndex, Scratch, Stopped, View,
    connections_by, degree, degrees, degrees_from_targets, network_sizes, shared_connections,
    shortest_path,
};
use proptest::prelude::*;

use crate::histories::replay;
use crate::model::{Model, member, members_at};
use crate::shapes::{graphs, histories};

fn check_questions(graph: &Graph, model: &Model) {
    let mut scratch = Scratch::new();
    let ids: Vec<u64> = model.0.keys().copied().collect();
    let nodes: Vec<NodeIndex> = ids
        .iter()
        .map(|&id| graph.node(member(id)).expect("exists"))
        .collect();
    for (&viewer, &viewer_node) in ids.iter().zip(&nodes) {
        let budget = &mut Budget::unlimited();
        let view = View::build(graph, viewer_node, &mut scratch, budget).expect("unlimited");
        let at = |degree| model.at_degree(viewer, degree);
        assert_eq!(members_at(graph, view.first()), at(1), "1st of {viewer}");
        assert_eq!(members_at(graph, view.second()), at(2), "2nd of {viewer}");
        let sizes = network_sizes(graph, &view, true, &mut scratch, budget).expect("unlimited");
        let counts = [1, 2, 3].map(|degree| at(degree).len() as u64);
        assert_eq!(
            [sizes.first, sizes.second, sizes.third.expect("asked for")],
            counts,
            "sizes of {viewer}"
        );

        let expected: Vec<Degree> = ids
            .iter()
            .map(|&target| model.degree(viewer, target))
            .collect();
        assert_eq!(
            degrees(&mut view.whole(graph), &nodes, budget),
            Ok(expected.clone()),
            "degrees of {viewer}"
        );
        assert_eq!(
            degrees_from_targets(graph, viewer_node, &nodes, budget),
            Ok(expected),
            "degrees of {viewer}"
        );

        for (&target, &target_node) in ids.iter().zip(&nodes) {
            let shared =
                shared_connections(graph, viewer_node, target_node, budget).expect("unlimited");
            let shared: Vec<u64> = shared.into_iter().map(|member| member.get()).collect();
            assert_eq!(
                shared,
                model.shared(viewer, target),
                "shared by {viewer} and {target}"
            );
            let path =
                shortest_path(&mut view.whole(graph), target_node, budget).expect("unlimited");
            let path: Vec<u64> = path.into_iter().map(|member| member.get()).collect();
            assert_eq!(
                path,
                model.path(viewer, target),
                "path from {viewer} to {target}"
            );
        }
        check_lists(graph, model, viewer, viewer_node);
        check_budgets(graph, viewer_node);
    }
}

/// Pages of every size, joined, are the sorted list.
fn check_lists(graph: &Graph, model: &Model, id: u64, node: NodeIndex) {
    let mut by_id: Vec<(u64, u64)> = model.connections(id).into_iter().collect();
    let mut recent = by_id.clone();
    recent.sort_by_key(|&(other, time)| (time == 0, std::cmp::Reverse(time), other));
    by_id.sort();
    for (order, expected) in [
        (ConnectionOrder::Recent, recent),
        (ConnectionOrder::Id, by_id),
    ] {
        for limit in [1, 2, 1_000] {
            let (mut joined, mut after) = (Vec::<ListedConnection>::new(), None);
            loop {
                let page =
                    connections_by(graph, node, order, after, limit, &mut Budget::unlimited());
                let page = page.expect("times can be read");
                assert_eq!(page.total, expected.len() as u64);
                after = page.connections.last().copied();
                joined.extend(page.connections);
                if !page.more {
                    break;
                }
            }
            let joined: Vec<(u64, u64)> = joined
                .iter()
                .map(|listed| (listed.member.get(), listed.time.millis()))
                .collect();
            assert_eq!(joined, expected, "{order:?} of {id}, {limit} a page");
        }
    }
}

/// A view within its cost is built, below it is refused; and a refused one leaves nothing behind in the scratch.
fn check_budgets(graph: &Graph, viewer: NodeIndex) {
    let mut scratch = Scratch::new();
    let cost = View::cost(graph, viewer, u64::MAX);
    let never = || false;
    let mut build =
        |edges| View::build(graph, viewer, &mut scratch, &mut Budget::new(edges, &never));
    let whole = build(cost).expect("within the budget");
    if cost > 0 {
        assert_eq!(
            build(cost - 1),
            Err(Stopped::EdgesExhausted { limit: cost - 1 })
        );
        assert!(View::cost(graph, viewer, cost - 1) > cost - 1);
    }
    assert_eq!(build(cost), Ok(whole));
}

proptest! {
    #[test]
    fn questions_to_a_base_equal_brute_force(model in graphs(18)) {
        let writer = cloud_engine::Writer::new(std::sync::Arc::new(model.base()), cloud_engine::Scn::BEGINNING);
        check_questions(&writer.version().graph(), &model);
    }

    #[test]
    fn questions_equal_brute_force_at_every_scn(history in histories(10, 6)) {
        let (writer, models) = replay(&history);
        for (scn, model) in models {
            check_questions(&writer.version().graph_at(scn).expect("published"), &model);
        }
    }
}

proptest! {
    #[test]
    fn a_view_of_any_scn_answers_at_every_other(history in histories(10, 6)) {
        let (writer, models) = replay(&history);
        let graph_at = |scn| writer.version().graph_at(scn).expect("published");
        let mut scratch = Scratch::new();
        for (built_at, before) in &models {
            for &viewer in before.0.keys() {
                let graph = graph_at(*built_at);
                let node = graph.node(member(viewer)).expect("exists");
                let view = View::build(&graph, node, &mut scratch, &mut Budget::unlimited());
                let view = view.expect("unlimited");
                for (asked_at, model) in &models {
                    if model.0.contains_key(&viewer) {
                        check_view_at(&view, &graph_at(*asked_at), model, viewer);
                    }
                }
            }
        }
    }
}

fn check_view_at(view: &View, graph: &Graph, model: &Model, viewer: u64) {
    let budget = &mut Budget::unlimited();
    let asked = view.at(graph, budget).expect("unlimited");
    let cost = view.cost_at(graph);
    assert_eq!(asked.is_some(), cost.is_some());
    let Some(mut asked) = asked else {
        // The viewer was removed or came back between the two.
        assert!(!view.holds_for(graph));
        return;
    };
    assert!(asked.extra_edges() <= cost.expect("an answer"));
    for &target in model.0.keys() {
        let node = graph.node(member(target)).expect("exists");
        let context = format!("{viewer} to {target}, {} at {}", view.scn(), graph.scn());
        assert_eq!(
            degree(&mut asked, node, budget),
            Ok(model.degree(viewer, target)),
            "{context}"
        );
        let path = shortest_path(&mut asked, node, budget).expect("unlimited");
        let path: Vec<u64> = path.into_iter().map(|member| member.get()).collect();
        assert_eq!(path, model.path(viewer, target), "{context}");
    }
}

#[test]
fn the_deadline_stops_a_build() {
    let clique: BTreeSet<u64> = (1..=400).collect();
    let mut model = Model::default();
    for &one in &clique {
        model.0.insert(
            one,
            clique
                .iter()
                .filter(|&&other| other != one)
                .map(|&other| (other, 0))
                .collect(),
        );
    }
    let writer = cloud_engine::Writer::new(
        std::sync::Arc::new(model.base()),
        cloud_engine::Scn::BEGINNING,
    );
    let graph = writer.version().graph();
    let mut budget = Budget::new(u64::MAX, &|| true);
    let stopped = View::build(&graph, NodeIndex::new(0), &mut Scratch::new(), &mut budget);
    assert_eq!(stopped, Err(Stopped::Deadline));
    assert!(budget.spent() < 40_000, "asked in time");
}
