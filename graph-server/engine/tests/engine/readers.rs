//! Readers in threads while the writer applies windows and switches to new bases. Each answer is
//! exact at the SCN that it states, with cached views too.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cloud_engine::{
    Budget, Degree, Graph, NodeIndex, ResidentCopy, Scratch, View, Writer, degrees,
};
use cloud_model::Scn;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::{
    folding::folded,
    model::{Model, check_graph, member},
    shapes::{History, histories},
};

const READERS: u64 = 3;
const WINDOWS_MIN: usize = 300;

/// Joins proptest's histories into one of at least 300 windows, the same at every run.
fn long_history() -> History {
    let mut runner = TestRunner::deterministic();
    let mut draw = || {
        histories(24, 60)
            .new_tree(&mut runner)
            .expect("a history")
            .current()
    };
    let mut history = draw();
    while history.windows.len() < WINDOWS_MIN || history.model.0.len() < 12 {
        let more = draw();
        if history.model.0.len() < 12 {
            history = more;
            continue;
        }
        let last = history
            .windows
            .last()
            .map_or(history.begins, |window| window.scn);
        let known = history.known.clone();
        for mut window in more.windows {
            window.scn = Scn::new(last.get() + window.scn.get() + 1);
            window.changes = window
                .changes
                .iter()
                .map(|change| onto(change, &more.known, &known))
                .collect();
            history.windows.push(window);
        }
    }
    history
}

/// Maps a change to other members.
fn onto(change: &cloud_engine::GraphChange, from: &[u64], to: &[u64]) -> cloud_engine::GraphChange {
    use cloud_engine::GraphChange::*;
    let map = |id: cloud_model::MemberId| {
        let rank = from
            .iter()
            .position(|&known| known == id.get())
            .unwrap_or_default();
        member(to[rank * 7 % to.len()])
    };
    match *change {
        MemberAdded(id) => MemberAdded(map(id)),
        MemberNamed(id) => MemberNamed(map(id)),
        MemberRemoved(id) => MemberRemoved(map(id)),
        ConnectionAdded {
            member,
            other,
            time,
            existing_only,
        } => ConnectionAdded {
            existing_only,
            member: map(member),
            other: map(other),
            time,
        },
        ConnectionRemoved { member, other } => ConnectionRemoved {
            member: map(member),
            other: map(other),
        },
        MemberBlocked { blocker, blocked } => MemberBlocked {
            blocker: map(blocker),
            blocked: map(blocked),
        },
        MemberUnblocked { blocker, blocked } => MemberUnblocked {
            blocker: map(blocker),
            blocked: map(blocked),
        },
        MemberRestricted {
            member,
            kind,
            ends_at,
        } => MemberRestricted {
            member: map(member),
            kind,
            ends_at,
        },
        MemberUnrestricted { member, kind } => MemberUnrestricted {
            member: map(member),
            kind,
        },
        ConnectionListClosed(id) => ConnectionListClosed(map(id)),
        ConnectionListOpened(id) => ConnectionListOpened(map(id)),
    }
}

#[test]
fn answers_are_exact_at_the_scn_they_state() {
    let history = long_history();
    let mut model = history.model.clone();
    let mut models = BTreeMap::from([(history.begins, model.clone())]);
    for window in &history.windows {
        window.changes.iter().for_each(|change| model.apply(change));
        models.insert(window.scn, model.clone());
    }
    let mut writer = Writer::new(Arc::new(history.model.base()), history.begins);
    let current = writer.current().clone();
    let (mut folding, mut copying, mut swaps) = (None, None, 0);
    let done = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let reader = |_| {
            scope.spawn(|| {
                let mut views = BTreeMap::new();
                let mut newest = Scn::BEGINNING;
                while !done.load(Ordering::Relaxed) {
                    let graph = current.graph();
                    assert!(graph.scn() >= newest, "SCNs never go back");
                    newest = graph.scn();
                    check_graph(&graph, &models[&newest], &history.known);
                    check_degrees(&graph, &models[&newest], &mut views);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let readers: Vec<_> = (0..READERS).map(reader).collect();
        for (applied, window) in history.windows.iter().enumerate() {
            writer
                .apply(window.scn, &window.changes)
                .expect("SCNs ascend");
            // A fold takes twelve windows, and as many pass until the next.
            if applied % 24 == 0 {
                folding = Some(writer.begin_fold());
            } else if applied % 24 == 12
                && let Some(graph) = folding.take()
            {
                let directory = tempfile::tempdir().expect("a directory");
                let (_, base) = folded(graph, directory.path());
                let base = Arc::new(base);
                drop(writer.swap(Arc::clone(&base)));
                copying = ResidentCopy::begin(&base).expect("memory");
                swaps += 1;
            } else if applied % 24 == 18
                && let Some(copy) = copying.take()
            {
                let base = copy.finish().expect("the same bytes");
                drop(writer.move_to(Arc::new(base)));
            }
            // Yields to readers regularly, even on few cores.
            if applied % 4 == 0 {
                let before = answered.load(Ordering::Relaxed);
                while answered.load(Ordering::Relaxed) == before
                    && !readers.iter().any(|reader| reader.is_finished())
                {
                    std::thread::yield_now();
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    check_graph(&current.graph(), &model, &history.known);
    assert!(swaps >= WINDOWS_MIN / 24, "{swaps} new bases");
}

/// The SCNs after which a view is rebuilt.
const VIEW_AGE_MAX: u64 = 8;

/// Checks all degrees between all members, from views that are kept for a while.
fn check_degrees(graph: &Graph, model: &Model, views: &mut BTreeMap<u64, View>) {
    let ids: Vec<u64> = model.0.keys().copied().collect();
    let nodes: Vec<NodeIndex> = ids
        .iter()
        .map(|&id| graph.node(member(id)).expect("exists"))
        .collect();
    for (&viewer, &node) in ids.iter().zip(&nodes) {
        let budget = &mut Budget::unlimited();
        let is_young = |view: &View| graph.scn().get() - view.scn().get() <= VIEW_AGE_MAX;
        // A view of a viewer who was removed or came back since has no answer.
        let kept = views
            .remove(&viewer)
            .filter(|view| is_young(view) && view.cost_at(graph).is_some());
        let view = kept.unwrap_or_else(|| {
            View::build(graph, node, &mut Scratch::new(), budget).expect("unlimited")
        });
        let distances = model.distances(viewer);
        let expected: Vec<Degree> = ids.iter().map(|id| degree_of(distances.get(id))).collect();
        let mut asked = view
            .at(graph, budget)
            .expect("unlimited")
            .expect("has an answer");
        assert_eq!(
            degrees(&mut asked, &nodes, budget),
            Ok(expected),
            "{viewer} at {}",
            graph.scn()
        );
        views.insert(viewer, view);
    }
}

fn degree_of(distance: Option<&u32>) -> Degree {
    match distance {
        Some(0) => Degree::Itself,
        Some(1) => Degree::First,
        Some(2) => Degree::Second,
        Some(3) => Degree::Third,
        _ => Degree::OutOfNetwork,
    }
}
