//! From the side of a member, every answer equals the answer in the graph without the members who
//! are hidden from it.

use std::{collections::BTreeMap, sync::Arc};

use cloud_engine::{
    Budget, ConnectionOrder, Graph, MemberList, NetworkDegree, NodeIndex, NodeSet, PathsQuestion,
    Scratch, SuggestionsQuestion, View, Writer, connections_by, degrees, degrees_from_targets,
    network_members, network_sizes, recent_connections, shared_connections, shared_page,
    shortest_path, shortest_paths, subgraph, suggest_connections,
};
use proptest::prelude::*;

use crate::{
    folding::folded,
    histories::replay,
    model::{Model, NodeOrder, member},
    policy::Policy,
    shapes::histories,
};

/// Returns the model without some members.
fn without(model: &Model, is_hidden: impl Fn(u64) -> bool) -> Model {
    let shown = model.0.iter().filter(|(id, _)| !is_hidden(**id));
    let rows = shown.map(|(&id, row)| {
        let row = row.iter().filter(|(other, _)| !is_hidden(**other));
        (id, row.map(|(&other, &time)| (other, time)).collect())
    });
    let rows: BTreeMap<u64, BTreeMap<u64, u64>> = rows.collect();
    Model(rows, NodeOrder::ById, Policy::default())
}

/// Asks every question of the engine, with every parameter that it is sensible to vary, and returns
/// all answers as text.
fn answers(graph: &Graph, viewer: u64, known: &[u64]) -> String {
    let (scratch, budget) = (&mut Scratch::new(), &mut Budget::unlimited());
    let node = |id: u64| graph.node(member(id));
    let mut all = String::new();
    let mut say = |what: &str, answer: &dyn std::fmt::Debug| {
        all += &format!("{what}: {answer:?}\n");
    };
    let shown: Vec<u64> = known
        .iter()
        .copied()
        .filter(|&id| node(id).is_some())
        .collect();
    say("members", &shown);
    let Some(viewer) = node(viewer) else {
        return all;
    };
    let ids = |nodes: &NodeSet| {
        let nodes = nodes.iter().map(|node| graph.member(NodeIndex::new(node)));
        let mut ids: Vec<_> = nodes.collect();
        ids.sort_unstable();
        ids
    };
    let view = View::build(graph, viewer, scratch, budget).expect("unlimited");
    say("first", &ids(view.first()));
    say("second", &ids(view.second()));
    let sizes = network_sizes(graph, &view, true, scratch, budget);
    say("sizes", &sizes);
    for degree in [
        NetworkDegree::First,
        NetworkDegree::Second,
        NetworkDegree::Third,
    ] {
        for limit in [2, 100] {
            let page = network_members(graph, &view, degree, (None, limit), scratch, budget);
            say("network", &page);
        }
    }
    let targets: Vec<NodeIndex> = shown.iter().filter_map(|&id| node(id)).collect();
    say(
        "degrees",
        &degrees(&mut view.whole(graph), &targets, budget),
    );
    say(
        "from targets",
        &degrees_from_targets(graph, viewer, &targets, budget),
    );
    let (include, exclude) = (NodeSet::default(), NodeSet::default());
    for include in [None, Some(&include)] {
        let question = SuggestionsQuestion {
            viewer,
            after: None,
            limit: 3,
            exclude: &exclude,
            include,
        };
        say(
            "suggestions",
            &suggest_connections(graph, &question, scratch, budget),
        );
    }
    let mut all_targets: Vec<u32> = targets.iter().map(|node| node.get()).collect();
    all_targets.sort_unstable();
    let include = NodeSet::from_ascending(&all_targets);
    let question = SuggestionsQuestion {
        viewer,
        after: None,
        limit: 100,
        exclude: &exclude,
        include: Some(&include),
    };
    say(
        "suggestions",
        &suggest_connections(graph, &question, scratch, budget),
    );
    say(
        "subgraph",
        &subgraph(graph, &targets, true, budget).expect("unlimited"),
    );
    for &target in &targets {
        say("of", &graph.member(target));
        say(
            "path",
            &shortest_path(&mut view.whole(graph), target, budget),
        );
        say("shared", &shared_connections(graph, viewer, target, budget));
        say(
            "page",
            &shared_page(graph, viewer, target, (None, 2), None, budget),
        );
        for kept in [None, Some(&view)] {
            let question = PathsQuestion {
                viewer,
                target,
                view: kept,
                distance_max: 6,
                limit: 4,
            };
            say("paths", &shortest_paths(graph, &question, scratch, budget));
        }
        let list = MemberList::connections(graph, target);
        say("total", &list.total(budget));
        for order in [ConnectionOrder::Recent, ConnectionOrder::Id] {
            let page = connections_by(graph, target, order, None, 3, budget);
            say("connections", &page.expect("unlimited"));
        }
        let recent = recent_connections(graph, target, budget);
        say("recent", &recent.expect("unlimited"));
        say("number", &graph.degree_of_node(target));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_answer_is_that_of_the_graph_without_the_hidden(history in histories(12, 8)) {
        let (mut writer, models) = replay(&history);
        let at = |(scn, model)| (writer.version().graph_at(scn).expect("published"), model);
        let mut graphs: Vec<(Graph, Model)> = models.iter().cloned().map(at).collect();
        // The same once more, with the policy in the snapshot.
        let directory = tempfile::tempdir().expect("a directory");
        let (_, base) = folded(writer.begin_fold(), directory.path());
        drop(writer.swap(Arc::new(base)));
        let last = models.last().expect("the beginning at least").1.clone();
        graphs.push((writer.version().graph(), last));
        for (graph, model) in &graphs {
            let scn = graph.scn();
            for &viewer in &history.known {
                let Some(node) = graph.node(member(viewer)) else {
                    continue;
                };
                let hidden = model.2.hidden_from(Some(viewer));
                let shown = without(model, |id| hidden.contains(&id));
                let expected = Writer::new(Arc::new(shown.base()), scn);
                let expected = answers(&expected.version().graph(), viewer, &history.known);
                let found = answers(&graph.clone().seen_by(node), viewer, &history.known);
                prop_assert_eq!(found, expected, "{} at {}", viewer, scn);
            }
            let hidden = model.2.hidden_from(None);
            let shown = without(model, |id| hidden.contains(&id));
            let visited = graph.clone().seen_by_visitor();
            for &id in &history.known {
                let node = visited.node(member(id));
                prop_assert_eq!(node.is_some(), shown.0.contains_key(&id));
                let row = node.into_iter().flat_map(|node| visited.neighbours(node));
                let mut row: Vec<u64> = row.map(|node| visited.member(node).get()).collect();
                row.sort_unstable();
                prop_assert!(row.into_iter().eq(shown.connections(id).into_keys()));
            }
        }
    }

    #[test]
    fn views_hold_from_a_side_where_they_say_so(history in histories(12, 8)) {
        let (writer, models) = replay(&history);
        let (scratch, budget) = (&mut Scratch::new(), &mut Budget::unlimited());
        let graphs = || {
            models.iter().map(|(scn, model)| {
                (writer.version().graph_at(*scn).expect("published"), model)
            })
        };
        for (graph, _) in graphs() {
            for viewer in graph.nodes() {
                let viewer_id = graph.member(viewer).get();
                let graph = graph.clone().seen_by(viewer);
                let view = View::build(&graph, viewer, scratch, budget).expect("unlimited");
                prop_assert!(view.holds_for(&graph));
                for (other, model) in graphs() {
                    prop_assert!(!view.holds_for(&other), "it is of the site's own side");
                    let other = other.seen_by(viewer);
                    if !other.exists(viewer) {
                        continue;
                    }
                    let fresh = View::build(&other, viewer, scratch, budget).expect("unlimited");
                    if view.holds_for(&other) {
                        prop_assert_eq!(view.first(), fresh.first());
                        prop_assert_eq!(view.second(), fresh.second());
                    }
                    if let Some(mut asked) = view.at(&other, budget).expect("unlimited") {
                        let hidden = model.2.hidden_from(Some(viewer_id));
                        let shown = without(model, |id| hidden.contains(&id));
                        for &id in shown.0.keys() {
                            let node = other.node(member(id)).expect("exists");
                            let found = degrees(&mut asked, &[node], budget).expect("unlimited");
                            let expected = shown.degree(viewer_id, id);
                            prop_assert_eq!(found, [expected], "{} to {}", viewer_id, id);
                        }
                    }
                }
            }
        }
    }
}
