//! Every question equals brute force, on graphs of every shape, at every SCN of a history.

use cloud_engine::{
    Budget, ConnectionOrder, Degree, Graph, ListedConnection, MembersPage, NetworkDegree,
    NodeIndex, NodeSet, PathsQuestion, Scratch, ShortestPaths, Stopped, Suggestion,
    SuggestionsQuestion, View, connections_by, degree, degrees, degrees_from_targets,
    network_members, network_sizes, recent_connections, shared_connections, shared_page,
    shortest_path, shortest_paths, subgraph, suggest_connections, suggestions_cost, third_cost,
};
use cloud_model::MemberId;
use proptest::prelude::*;

use crate::{
    histories::replay,
    model::{Model, member, members_at},
    shapes::{graphs, histories},
};

fn check_questions(graph: &Graph, model: &Model) {
    let mut scratch = Scratch::new();
    let ids: Vec<u64> = model.0.keys().copied().collect();
    let nodes: Vec<NodeIndex> = ids
        .iter()
        .map(|&id| graph.node(member(id)).expect("exists"))
        .collect();
    check_subgraphs(graph, model, &ids);
    for (&viewer, &viewer_node) in ids.iter().zip(&nodes) {
        let budget = &mut Budget::unlimited();
        let view = View::build(graph, viewer_node, &mut scratch, budget).expect("unlimited");
        let at = |degree| model.at_degree(viewer, degree);
        assert_eq!(members_at(graph, view.first()), at(1), "1st of {viewer}");
        assert_eq!(members_at(graph, view.second()), at(2), "2nd of {viewer}");
        let sizes = network_sizes(graph, &view, true, &mut scratch, budget).expect("unlimited");
        let counts = [1, 2, 3].map(|degree| at(degree).len() as u64);
        assert_eq!(
            [sizes.first, sizes.second, sizes.third.expect("requested")],
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
        check_network(graph, model, &view, &mut scratch);
        check_shared_pages(graph, model, viewer, &ids);
        check_suggestions(graph, model, viewer, &mut scratch);
        check_paths(graph, model, &view, &ids, &mut scratch);
        check_budgets(graph, viewer_node);
    }
}

/// Checks that pages of every size, joined, are the sorted list.
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
        if order == ConnectionOrder::Recent {
            let all = recent_connections(graph, node, &mut Budget::unlimited());
            let all = all.expect("times can be read").into_iter();
            assert!(
                all.map(|listed| (listed.member.get(), listed.time.millis()))
                    .eq(expected)
            );
        }
    }
}

/// Joins all pages of a list of members by id, and checks that each page has the total and each
/// member comes once.
fn joined(mut page_after: impl FnMut(Option<MemberId>) -> MembersPage) -> (Vec<u64>, u64) {
    let (mut members, mut after) = (Vec::new(), None);
    loop {
        let page = page_after(after);
        members.extend(page.members.iter().map(|member| member.get()));
        after = page.members.last().copied().or(after);
        if !page.more {
            return (members, page.total);
        }
    }
}

fn check_network(graph: &Graph, model: &Model, view: &View, scratch: &mut Scratch) {
    let viewer = graph.member(view.viewer()).get();
    for (degree, distance) in [
        (NetworkDegree::First, 1),
        (NetworkDegree::Second, 2),
        (NetworkDegree::Third, 3),
    ] {
        let expected = Vec::from_iter(model.at_degree(viewer, distance));
        for limit in [1, 3, 1_000] {
            let page = |after| {
                let budget = &mut Budget::unlimited();
                network_members(graph, view, degree, (after, limit), scratch, budget)
                    .expect("unlimited")
            };
            let total = expected.len() as u64;
            assert_eq!(
                joined(page),
                (expected.clone(), total),
                "{degree:?} of {viewer}"
            );
        }
    }
    let cost = third_cost(graph, view, u64::MAX);
    let never = || false;
    let mut third = |edges| {
        let budget = &mut Budget::new(edges, &never);
        network_members(
            graph,
            view,
            NetworkDegree::Third,
            (None, 9),
            scratch,
            budget,
        )
    };
    // Besides, the page is walked.
    let page_cost = cost + 2 * model.0.len() as u64;
    let whole = third(page_cost).expect("within the budget");
    if let Some(limit) = cost.checked_sub(1) {
        assert_eq!(third(limit), Err(Stopped::EdgesExhausted { limit }));
        assert!(third_cost(graph, view, limit) > limit);
    }
    assert_eq!(
        third(page_cost),
        Ok(whole),
        "nothing is left in the scratch"
    );
}

fn check_shared_pages(graph: &Graph, model: &Model, viewer: u64, ids: &[u64]) {
    let node = |id| graph.node(member(id)).expect("exists");
    for &other in ids {
        let expected = model.shared(viewer, other);
        let total = expected.len() as u64;
        let page = |after: Option<MemberId>| {
            let budget = &mut Budget::unlimited();
            let known = after.map(|_| total);
            shared_page(graph, node(viewer), node(other), (after, 2), known, budget)
                .expect("unlimited")
        };
        assert_eq!(joined(page), (expected, total), "{viewer} and {other}");
    }
}

fn check_suggestions(graph: &Graph, model: &Model, viewer: u64, scratch: &mut Scratch) {
    let node = graph.node(member(viewer)).expect("exists");
    let set = |ids: &[u64]| {
        let mut nodes: Vec<u32> = ids
            .iter()
            .filter_map(|&id| graph.node(member(id)))
            .map(NodeIndex::get)
            .collect();
        nodes.sort_unstable();
        NodeSet::from_ascending(&nodes)
    };
    let all = model.suggestions(viewer);
    let known: Vec<u64> = model.0.keys().copied().collect();
    let third = |skip| {
        known
            .iter()
            .copied()
            .skip(skip)
            .step_by(3)
            .collect::<Vec<_>>()
    };
    for (exclude, include) in [
        (vec![], None),
        (third(0), None),
        (vec![], Some(third(1))),
        (third(1), Some([third(1), third(2)].concat())),
    ] {
        let wanted =
            |id: &u64| !exclude.contains(id) && include.as_ref().is_none_or(|ids| ids.contains(id));
        let expected: Vec<_> = all.iter().copied().filter(|(id, _)| wanted(id)).collect();
        let (excluded, included) = (set(&exclude), include.as_deref().map(set));
        let question = |after, limit| SuggestionsQuestion {
            viewer: node,
            after,
            limit,
            exclude: &excluded,
            include: included.as_ref(),
        };
        let never = || false;
        let cost = suggestions_cost(graph, &question(None, 1), u64::MAX);
        if included.is_none() {
            assert_eq!(cost, View::cost(graph, node, u64::MAX));
        }
        for limit in [1, 2, 1_000] {
            if let Some(limit) = cost.checked_sub(1).filter(|_| included.is_none()) {
                let budget = &mut Budget::new(limit, &never);
                let stopped = suggest_connections(graph, &question(None, 9), scratch, budget);
                assert_eq!(stopped, Err(Stopped::EdgesExhausted { limit }));
            }
            let (mut joined, mut after) = (Vec::new(), None);
            loop {
                let budget = &mut Budget::new(cost, &never);
                let page = suggest_connections(graph, &question(after, limit), scratch, budget);
                let page = page.expect("within the budget");
                assert!(page.suggestions.len() <= limit);
                after = page.suggestions.last().copied().or(after);
                joined.extend(page.suggestions);
                if !page.more {
                    break;
                }
            }
            let pair = |found: Suggestion| (found.member.get(), found.shared);
            let joined: Vec<_> = joined.into_iter().map(pair).collect();
            assert_eq!(joined, expected, "{limit} a page of {viewer}");
        }
    }
}

/// Checks subgraphs of all members, of every second one, and of none, with and without times.
fn check_subgraphs(graph: &Graph, model: &Model, ids: &[u64]) {
    for step in [1, 2, ids.len().max(1)] {
        let named: Vec<u64> = ids.iter().copied().step_by(step).collect();
        let nodes = named.iter().chain(named.first());
        let nodes: Vec<_> = nodes.filter_map(|&id| graph.node(member(id))).collect();
        for with_times in [false, true] {
            let mut expected = Vec::new();
            for &one in &named {
                for (other, time) in model.connections(one).split_off(&one) {
                    if named.contains(&other) {
                        expected.push((one, other, if with_times { time } else { 0 }));
                    }
                }
            }
            let found = subgraph(graph, &nodes, with_times, &mut Budget::unlimited());
            let found = found.expect("times can be read").into_iter();
            let found = found.map(|edge| (edge.member.get(), edge.other.get(), edge.time.millis()));
            assert!(found.eq(expected), "{named:?}");
        }
    }
}

/// Checks that the paths are all the shortest ones, with and without a view, up to every length.
/// The scratch must be empty after a budget is exceeded.
fn check_paths(graph: &Graph, model: &Model, view: &View, ids: &[u64], scratch: &mut Scratch) {
    let viewer = graph.member(view.viewer()).get();
    for &target in ids {
        let expected = model.paths(viewer, target);
        for (with_view, distance_max, limit) in [
            (true, 6, 1_000),
            (false, 6, 1_000),
            (true, 3, 1_000),
            (false, 3, 2),
            (false, 2, 1),
            (true, 1, 1),
        ] {
            let question = PathsQuestion {
                viewer: view.viewer(),
                target: graph.node(member(target)).expect("exists"),
                view: with_view.then_some(view),
                distance_max,
                limit,
            };
            let never = || false;
            let tight = shortest_paths(graph, &question, scratch, &mut Budget::new(5, &never));
            assert!(!matches!(tight, Err(Stopped::Deadline)));
            let budget = &mut Budget::unlimited();
            let found = shortest_paths(graph, &question, scratch, budget).expect("unlimited");
            let short = expected.first().map(|path| path.len() as u32 - 1);
            let distance = short.filter(|&distance| distance <= distance_max);
            let all = distance.map_or(&[][..], |_| &expected);
            let ids = |path: &Vec<MemberId>| path.iter().map(|member| member.get()).collect();
            let named: Vec<Vec<u64>> = found.paths.iter().map(ids).collect();
            let context = format!("{question:?} to {target}");
            assert_eq!(found.distance, distance, "{context}");
            assert_eq!(named, all[..limit.min(all.len())], "{context}");
            assert_eq!(found.total, all.len() as u64, "{context}");
            assert!(tight.is_err() || tight == Ok(found), "{context}");
        }
    }
}

/// Checks that a view within its cost is built, and that below it the build fails and leaves the
/// scratch empty.
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
        let writer = cloud_engine::Writer::new(
            std::sync::Arc::new(model.base()),
            cloud_model::Scn::BEGINNING,
        );
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
        // The viewer was removed or came back between the two SCNs.
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

/// Rows of 30 members, each connected to all of the next row: 30^4 shortest paths of 5 edges
/// between the two ends.
#[test]
fn paths_are_counted_without_being_walked() {
    let mut model = Model::default();
    let rows: Vec<Vec<u64>> = [vec![1_000]]
        .into_iter()
        .chain((0..4).map(|row| (1..=30).map(|place| row * 30 + place).collect()))
        .chain([vec![2_000]])
        .collect();
    for pair in rows.windows(2) {
        for (&one, &other) in pair[0]
            .iter()
            .flat_map(|one| pair[1].iter().map(move |other| (one, other)))
        {
            for (one, other) in [(one, other), (other, one)] {
                model.0.entry(one).or_default().insert(other, 0);
            }
        }
    }
    let writer = cloud_engine::Writer::new(
        std::sync::Arc::new(model.base()),
        cloud_model::Scn::BEGINNING,
    );
    let graph = writer.version().graph();
    let question = PathsQuestion {
        viewer: graph.node(member(1_000)).expect("exists"),
        target: graph.node(member(2_000)).expect("exists"),
        view: None,
        distance_max: 6,
        limit: 32,
    };
    let mut budget = Budget::unlimited();
    let found = shortest_paths(&graph, &question, &mut Scratch::new(), &mut budget);
    let found = found.expect("unlimited");
    assert_eq!((found.distance, found.total), (Some(5), 30_u64.pow(4)));
    assert_eq!(found.paths.len(), 32);
    let last: Vec<u64> = found.paths[31].iter().map(|member| member.get()).collect();
    assert_eq!(last, [1_000, 2, 32, 61, 91, 2_000]);
    assert!(budget.spent() < 20 * graph.connection_count());
    let shorter = PathsQuestion {
        distance_max: 4,
        ..question
    };
    let found = shortest_paths(&graph, &shorter, &mut Scratch::new(), &mut budget);
    assert_eq!(found, Ok(ShortestPaths::default()));
}

#[test]
fn the_deadline_stops_a_build() {
    let mut model = Model::default();
    for clique in [1..=400, 1_001..=1_400] {
        for one in clique.clone() {
            let others = clique.clone().filter(|&other| other != one);
            model
                .0
                .insert(one, others.map(|other| (other, 0)).collect());
        }
    }
    let writer = cloud_engine::Writer::new(
        std::sync::Arc::new(model.base()),
        cloud_model::Scn::BEGINNING,
    );
    let graph = writer.version().graph();
    let (mut scratch, viewer) = (Scratch::new(), graph.node(member(1)).expect("exists"));
    let mut budget = Budget::new(u64::MAX, &|| true);
    let stopped = View::build(&graph, viewer, &mut scratch, &mut budget);
    assert_eq!(stopped, Err(Stopped::Deadline));
    assert!(budget.spent() < 40_000, "stop is called in time");

    let mut budget = Budget::new(u64::MAX, &|| true);
    let question = SuggestionsQuestion {
        viewer,
        after: None,
        limit: 10,
        exclude: &NodeSet::default(),
        include: None,
    };
    let stopped = suggest_connections(&graph, &question, &mut scratch, &mut budget);
    assert_eq!(stopped, Err(Stopped::Deadline));
    let question = PathsQuestion {
        viewer,
        target: graph.node(member(1_001)).expect("exists"),
        view: None,
        distance_max: 6,
        limit: 10,
    };
    let mut budget = Budget::new(u64::MAX, &|| true);
    let stopped = shortest_paths(&graph, &question, &mut scratch, &mut budget);
    assert_eq!(stopped, Err(Stopped::Deadline));
}
