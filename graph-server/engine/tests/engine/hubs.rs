//! Members who change all day: their chains are summarised, and the answers do not change.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cloud_engine::{GraphChange, Manifest, StandsAt, Version, Writer, read_overlay};
use cloud_model::{ConnectionTime, LogId, Scn};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{
    folding::folded,
    model::{Model, NodeOrder, check_graph, member},
    policy::{Policy, change_of_policy},
};

/// The number of members, with ids from 1. The first two are the hubs that change all day.
const MEMBERS: u64 = 60;
const HUBS: u64 = 2;
const CHANGES: usize = 12_000;

/// Draws changes, nearly all of them about a hub.
fn changes(seed: u64) -> Vec<GraphChange> {
    let change = (0..400u32, 1..=HUBS, 1..=MEMBERS, 0..2_000_000_000_000u64);
    let change = change.prop_map(|(kind, hub, other, time)| match kind {
        0 => GraphChange::MemberRemoved(member(hub)),
        1 => GraphChange::MemberAdded(member(hub)),
        2..=5 => GraphChange::MemberRemoved(member(other)),
        6..=40 => change_of_policy(kind, member(hub), member(other), kind.into()),
        41..=160 => GraphChange::ConnectionRemoved {
            member: member(hub),
            other: member(other),
        },
        _ => GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(other),
            other: member(hub),
            time: ConnectionTime::from_millis(time),
        },
    });
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    });
    let changes = prop::collection::vec(change, CHANGES).new_tree(&mut runner);
    changes.expect("changes").current()
}

fn base(seed: u64) -> Model {
    let mut model = Model(
        Default::default(),
        NodeOrder::Hashed(seed),
        Policy::default(),
    );
    // Some members are left out, so that they are new later.
    for other in HUBS + 1..MEMBERS - 9 {
        model.apply(&GraphChange::ConnectionAdded {
            existing_only: false,
            member: member(1 + other % HUBS),
            other: member(other),
            time: ConnectionTime::from_millis(other),
        });
    }
    model
}

#[test]
fn long_chains_say_what_the_model_says_at_every_scn_that_is_asked_for() {
    let known: Vec<u64> = (1..=MEMBERS + 1).collect();
    for seed in 1..=3 {
        let mut model = base(seed);
        let mut writer = Writer::new(Arc::new(model.base()), Scn::BEGINNING);
        let mut asked: Vec<(Arc<Version>, Scn, Model)> = Vec::new();
        let mut folding = None;
        for (window, scn) in changes(seed).chunks(13).zip(1..) {
            let scn = Scn::new(scn);
            writer.apply(scn, window).expect("SCNs ascend");
            window.iter().for_each(|change| model.apply(change));
            if scn.get().is_multiple_of(37) {
                check_graph(&writer.current().graph(), &model, &known);
            }
            if scn.get().is_multiple_of(230) {
                asked.push((writer.version().clone(), scn, model.clone()));
            }
            match scn.get() {
                400 => folding = Some(writer.begin_fold()),
                700 => {
                    let directory = tempfile::tempdir().expect("a directory");
                    let graph = folding.take().expect("begun");
                    let (_, base) = folded(graph, directory.path());
                    drop(writer.swap(Arc::new(base)));
                }
                _ => {}
            }
        }
        // Most of these graphs are older than the summaries that are kept.
        for (version, scn, model) in &asked {
            check_graph(&version.graph_at(*scn).expect("published"), model, &known);
        }
        restarts(&writer, &model, &known);
    }
}

fn restarts(writer: &Writer, model: &Model, known: &[u64]) {
    let site = tempfile::tempdir().expect("a directory");
    let (log_id, scn) = (LogId::new(3), writer.version().base_scn());
    writer
        .write_overlay(site.path(), log_id, &[], &[])
        .expect("writes");
    let manifest = Manifest {
        ..Manifest::new(
            writer.version().base().lineage(),
            scn,
            StandsAt::AtScn {
                log_id,
                scn,
                history: None,
            },
        )
    };
    let base = writer.version().base();
    let recovered = read_overlay(site.path(), base, &manifest, log_id).expect("reads");
    assert_eq!(recovered.refused.len(), 0, "{:?}", recovered.refused);
    check_graph(&recovered.writer.current().graph(), model, known);
}

#[test]
fn readers_meet_summaries_while_they_are_made() {
    let known: Vec<u64> = (1..=MEMBERS).collect();
    let mut model = base(9);
    let mut models = vec![model.clone()];
    let changes = changes(9);
    let windows: Vec<&[GraphChange]> = changes.chunks(7).collect();
    for window in &windows {
        window.iter().for_each(|change| model.apply(change));
        models.push(model.clone());
    }
    let mut writer = Writer::new(Arc::new(models[0].base()), Scn::BEGINNING);
    let current = writer.current().clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = |_| {
            scope.spawn(|| {
                let mut answered = 0;
                while !done.load(Ordering::Relaxed) || answered < 10 {
                    let graph = current.graph();
                    check_graph(&graph, &models[graph.scn().get() as usize], &known);
                    answered += 1;
                }
            })
        };
        let readers: Vec<_> = (0..2).map(reader).collect();
        for (window, scn) in windows.iter().zip(1..) {
            writer.apply(Scn::new(scn), window).expect("SCNs ascend");
            if scn % 8 == 0 {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().is_ok()));
    });
}
