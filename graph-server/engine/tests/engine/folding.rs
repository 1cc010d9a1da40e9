//! The graph equals the model through new bases: for readers of the previous version, at every SCN,
//! and after a restart.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use cloud_engine::{
    Base, Budget, Fold, Graph, GraphChange, Manifest, NodeIndex, ResidentCopy, Scratch, StandsAt,
    Version, View, Writer, degrees, read_overlay,
};
use cloud_model::{ConnectionTime, LogId, Scn};
use petgraph::algo::connected_components;
use proptest::prelude::*;

use crate::{
    model::{Model, NodeOrder, check_graph, member},
    policy::Policy,
    shapes::{History, histories},
};

const LOG: u128 = 77;

/// Folds the graph into files in `directory`, and opens them.
pub(crate) fn folded(graph: Graph, directory: &Path) -> (Manifest, Base) {
    let (lineage_id, scn) = (graph.base().lineage(), graph.scn());
    let mut fold = Fold::create(graph, directory).expect("creates");
    while fold.step().expect("writes") {}
    let (written, nodes) = fold.progress();
    assert_eq!(written, nodes);
    let folded = fold.finish().expect("finishes");
    let stands_at = StandsAt::AtScn {
        history: None,
        log_id: LogId::new(LOG),
        scn,
    };
    let manifest = Manifest {
        members: folded.members,
        connections: folded.connections,
        files: folded.files,
        ..Manifest::new(lineage_id, scn, stands_at)
    };
    manifest.write(directory).expect("writes");
    let manifest = Manifest::read(directory).expect("reads");
    let base = Base::open(directory, &manifest).expect("opens");
    (manifest, base)
}

/// A fold: the number of windows before it begins, and the number until the writer switches to it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    begins: usize,
    lasts: usize,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = (0..6usize, 0..4usize).prop_map(|(begins, lasts)| Plan { begins, lasts });
    prop::collection::vec(plan, 1..4)
}

/// The result of a history with new bases on its way.
struct Replayed {
    writer: Writer,
    /// All versions except the last, oldest first.
    before: Vec<Arc<Version>>,
    models: BTreeMap<Scn, Model>,
    /// The last new base, with its manifest.
    last: Option<(Manifest, Arc<Base>)>,
}

fn replay(history: &History, plans: &[Plan]) -> Replayed {
    let mut model = history.model.clone();
    let writer = Writer::new(Arc::new(model.base()), history.begins);
    let mut replayed = Replayed {
        writer,
        before: Vec::new(),
        models: BTreeMap::from([(history.begins, model.clone())]),
        last: None,
    };
    let mut plans = plans.iter().copied();
    let mut plan = plans.next();
    let mut folding: Option<Graph> = None;
    let mut waited = 0;
    for window in 0..=history.windows.len() {
        if let Some(Plan { begins, lasts }) = plan {
            if folding.is_none() && waited >= begins {
                folding = Some(replayed.writer.begin_fold());
                waited = 0;
            }
            if folding.is_some() && waited >= lasts {
                swap(&mut replayed, folding.take().expect("begun"));
                waited = 0;
                plan = plans.next();
            }
        }
        waited += 1;
        let Some(window) = history.windows.get(window) else {
            break;
        };
        let applied = replayed.writer.apply(window.scn, &window.changes);
        applied.expect("SCNs ascend");
        window.changes.iter().for_each(|change| model.apply(change));
        replayed.models.insert(window.scn, model.clone());
        let graph = replayed.writer.current().graph();
        assert_eq!(graph.scn(), window.scn);
        assert_eq!(graph.member_count(), model.0.len() as u64);
        assert_eq!(graph.connection_count(), model.connection_count());
    }
    replayed
}

fn swap(replayed: &mut Replayed, graph: Graph) {
    let directory = tempfile::tempdir().expect("a directory");
    let (scn, published) = (graph.scn(), replayed.writer.version().published());
    let model = &replayed.models[&scn];
    let (manifest, base) = folded(graph, directory.path());
    assert_eq!(manifest.members, model.0.len() as u64);
    assert_eq!(manifest.connections, model.connection_count());
    assert_eq!(base.member_count(), manifest.members);
    let base = Arc::new(base);
    replayed
        .before
        .push(replayed.writer.swap(Arc::clone(&base)));
    check_scns(replayed.writer.version(), scn, published);
    // A copy in memory takes the place of the mapped base.
    let copy = ResidentCopy::begin(&base).expect("memory");
    let copy = copy.expect("mapped").finish().expect("the same bytes");
    assert_eq!(copy.bytes().mapped, 0);
    let base = Arc::new(copy);
    replayed
        .before
        .push(replayed.writer.move_to(Arc::clone(&base)));
    check_scns(replayed.writer.version(), scn, published);
    assert!(ResidentCopy::begin(&base).expect("memory").is_none());
    replayed.last = Some((manifest, base));
}

fn check_scns(version: &Version, base: Scn, published: Scn) {
    assert_eq!(
        (version.oldest(), version.base_scn(), version.published()),
        (base, base, published)
    );
}

impl Replayed {
    /// Returns the graph at each SCN of each version, with its model.
    fn graphs(&self) -> Vec<(Graph, &Model)> {
        let mut graphs = Vec::new();
        for version in self.before.iter().chain([self.writer.version()]) {
            for scn in version.oldest().get()..=version.published().get() {
                let scn = Scn::new(scn);
                let (_, model) = self.models.range(..=scn).next_back().expect("began");
                graphs.push((version.graph_at(scn).expect("published"), model));
            }
        }
        graphs
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_version_equals_the_model_at_every_scn(history in histories(14, 12), plans in plans()) {
        let replayed = replay(&history, &plans);
        let mut nodes: BTreeMap<u64, NodeIndex> = BTreeMap::new();
        for (graph, model) in replayed.graphs() {
            check_graph(&graph, model, &history.known);
            for &id in &history.known {
                if let Some(node) = graph.known_node(member(id)) {
                    prop_assert_eq!(
                        *nodes.entry(id).or_insert(node),
                        node,
                        "node indexes never change"
                    );
                }
            }
            let bare = graph.node_bound() as usize - model.0.len();
            let edges = model.edges();
            let mut own = petgraph::graph::UnGraph::<u64, ()>::new_undirected();
            let own_nodes: BTreeMap<u64, _> =
                model.0.keys().map(|&id| (id, own.add_node(id))).collect();
            for (one, other, _) in edges {
                own.add_edge(own_nodes[&one.get()], own_nodes[&other.get()], ());
            }
            prop_assert_eq!(
                connected_components(&graph),
                connected_components(&own) + bare
            );
        }
    }

    #[test]
    fn views_hold_across_versions_where_they_say_so(history in histories(10, 8), plans in plans()) {
        let replayed = replay(&history, &plans);
        let graphs = replayed.graphs();
        let mut scratch = Scratch::new();
        let budget = &mut Budget::unlimited();
        for (graph, _) in &graphs {
            for viewer in graph.nodes() {
                let view = View::build(graph, viewer, &mut scratch, budget).expect("unlimited");
                let viewer_id = graph.member(viewer).get();
                for (other, model) in &graphs {
                    if let Some(moved) = view.at_scn_of(other) {
                        let fresh =
                            View::build(other, viewer, &mut scratch, budget).expect("unlimited");
                        prop_assert_eq!(moved.scn(), other.scn());
                        prop_assert_eq!(view.first(), fresh.first());
                        prop_assert_eq!(view.second(), fresh.second());
                    }
                    if let Some(mut asked) = view.at(other, budget).expect("unlimited") {
                        for &id in model.0.keys() {
                            let node = other.node(member(id)).expect("exists");
                            let found = degrees(&mut asked, &[node], budget).expect("unlimited");
                            prop_assert_eq!(
                                found,
                                [model.degree(viewer_id, id)],
                                "{} to {} at {}",
                                viewer_id,
                                id,
                                other.scn()
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_restart_on_the_new_base_goes_on(history in histories(14, 12), plans in plans()) {
        let replayed = replay(&history, &plans);
        if let Some((manifest, base)) = &replayed.last {
            let site = tempfile::tempdir().expect("a directory");
            let log = LogId::new(LOG);
            replayed
                .writer
                .write_overlay(site.path(), log, &[], &[])
                .expect("writes");
            let recovered = read_overlay(site.path(), base, manifest, log).expect("reads");
            prop_assert_eq!(recovered.refused.len(), 0);
            let (old, new) = (
                replayed.writer.current().graph(),
                recovered.writer.current().graph(),
            );
            prop_assert_eq!(old.scn(), new.scn());
            let (_, model) = replayed.models.last_key_value().expect("began");
            check_graph(&new, model, &history.known);
            for &id in &history.known {
                prop_assert_eq!(old.known_node(member(id)), new.known_node(member(id)));
            }
        }
    }
}

#[test]
fn a_member_removed_before_a_new_base_comes_back_to_the_old_node() {
    let time = ConnectionTime::from_millis;
    let connected = |one, other, at| GraphChange::ConnectionAdded {
        existing_only: false,
        member: member(one),
        other: member(other),
        time: time(at),
    };
    let mut model = Model(BTreeMap::new(), NodeOrder::ById, Policy::default());
    for change in [connected(10, 20, 5), connected(20, 30, 6)] {
        model.apply(&change);
    }
    let mut writer = Writer::new(Arc::new(model.base()), Scn::BEGINNING);
    let windows = [
        vec![GraphChange::MemberRemoved(member(20)), connected(10, 5, 7)],
        vec![connected(20, 5, 8), connected(40, 7, 9)],
    ];
    let old_node = writer.version().graph().node(member(20));
    for (window, scn) in windows.iter().zip(1..) {
        writer.apply(Scn::new(scn), window).expect("SCNs ascend");
        window.iter().for_each(|change| model.apply(change));
        let directory = tempfile::tempdir().expect("a directory");
        let graph = writer.begin_fold();
        let (_, base) = folded(graph, directory.path());
        drop(writer.swap(Arc::new(base)));
        assert_eq!(writer.version().stats().entries, 0);
        check_graph(
            &writer.current().graph(),
            &model,
            &[5, 7, 10, 20, 30, 40, 50],
        );
    }
    assert_eq!(writer.current().graph().node(member(20)), old_node);
}

#[test]
fn an_abandoned_fold_leaves_the_version_as_it_is() {
    let mut writer = Writer::new(Arc::new(Model::default().base()), Scn::BEGINNING);
    let before = writer.overlay_bytes();
    let graph = writer.begin_fold();
    let added = [GraphChange::MemberAdded(member(1))];
    writer.apply(Scn::new(1), &added).expect("ascends");
    assert!(writer.overlay_bytes() > writer.version().stats().bytes);
    writer.abandon_fold();
    assert_eq!(writer.overlay_bytes(), writer.version().stats().bytes);
    assert!(writer.overlay_bytes() > before);
    assert_eq!(graph.node(member(1)), None);
    assert!(writer.current().graph().node(member(1)).is_some());
}

#[test]
#[should_panic(expected = "swap without begin_fold")]
fn a_base_that_was_not_asked_for_is_a_fault() {
    let mut writer = Writer::new(Arc::new(Model::default().base()), Scn::BEGINNING);
    drop(writer.swap(Arc::new(Model::default().base())));
}
