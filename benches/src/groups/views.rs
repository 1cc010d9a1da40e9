//! Measures the engine itself, in this process: views, degrees, and the largest hub.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use cloud_engine::{
    Budget, Graph, NodeIndex, Scratch, View, degrees, degrees_from_targets, network_sizes,
};

use crate::{
    figures::{Figure, Figures},
    latencies::Latencies,
    outcome::{Outcome, check_equal},
    questions::{self, Question},
    setting::Setting,
    unit::{Unit, grouped},
};

/// The views that are built before any is used. A view is then not in the processor's caches only
/// because it is new.
const VIEWS_AT_ONCE: usize = 500;
/// The number of rounds with the hub.
const HUB_ROUNDS: usize = 9;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let (graph, questions) = (setting.site()?.graph(), setting.questions()?);
    let mut scratch = Scratch::new();
    let (mut building, mut asking, mut bytes) = (Latencies::new(), Latencies::new(), 0);
    for questions in questions.chunks(VIEWS_AT_ONCE) {
        let mut views = Vec::with_capacity(questions.len());
        for question in questions {
            let start = Instant::now();
            let view = View::build(
                graph,
                question.viewer,
                &mut scratch,
                &mut Budget::unlimited(),
            )?;
            building.record(start.elapsed());
            bytes += view.bytes();
            views.push(view);
        }
        for (question, view) in questions.iter().zip(&views) {
            asking.record(ask(graph, question, view)?);
        }
    }
    let mean = Unit::Bytes.show(bytes as f64 / questions.len() as f64);
    let note = format!(
        "{} viewers drawn by degree; a view has {mean} in the mean",
        grouped(questions.len() as u64)
    );
    let figure = Figure::new(
        "view in the engine: median",
        Unit::Seconds,
        building.median(),
    );
    figures.push(figure.at_most(150e-6).at_22_m().note(note));
    figures.push(
        Figure::new("view in the engine: p99", Unit::Seconds, building.p99())
            .at_most(1.5e-3)
            .at_22_m(),
    );
    let figure = Figure::new(
        "100 degrees on a warm view, in the engine: median",
        Unit::Seconds,
        asking.median(),
    );
    figures.push(figure.at_most(60e-6).at_22_m());
    largest_hub(setting, figures, &mut scratch)
}

fn ask(graph: &Graph, question: &Question, view: &View) -> Outcome<Duration> {
    let targets: Vec<NodeIndex> = question.targets.iter().map(|target| target.node).collect();
    let start = Instant::now();
    let answer = degrees(&mut view.whole(graph), &targets, &mut Budget::unlimited())?;
    let duration = start.elapsed();
    check(question, answer)?;
    Ok(duration)
}

fn check(question: &Question, answer: Vec<cloud_engine::Degree>) -> Outcome<()> {
    let right = question
        .targets
        .iter()
        .map(|target| target.degree)
        .collect();
    check_equal(
        || format!("degrees for {}", question.viewer_id),
        right,
        answer,
    )
}

fn largest_hub(setting: &Setting, figures: &mut Figures, scratch: &mut Scratch) -> Outcome<()> {
    let site = setting.site()?;
    let (graph, hub) = (site.graph(), site.largest_hub()?.0);
    let question = questions::draw_for(graph, hub, setting.options().seed)?;
    let targets: Vec<NodeIndex> = question.targets.iter().map(|target| target.node).collect();
    let (mut building, mut cold, mut sizing) =
        (Latencies::new(), Latencies::new(), Latencies::new());
    let mut sizes = None;
    for _ in 0..HUB_ROUNDS {
        let start = Instant::now();
        let view = View::build(graph, hub, scratch, &mut Budget::unlimited())?;
        building.record(start.elapsed());
        let start = Instant::now();
        let answer = degrees_from_targets(graph, hub, &targets, &mut Budget::unlimited())?;
        cold.record(start.elapsed());
        check(&question, answer)?;
        let start = Instant::now();
        sizes = Some(black_box(network_sizes(
            graph,
            &view,
            true,
            scratch,
            &mut Budget::unlimited(),
        )?));
        sizing.record(start.elapsed());
    }
    let sizes = sizes.ok_or("the hub was not asked")?;
    let note = format!(
        "{} connections, {} at 2nd degree, {} at 3rd",
        grouped(sizes.first),
        grouped(sizes.second),
        grouped(sizes.third.unwrap_or(0))
    );
    let figure = |what: &str, latencies: &Latencies, bound| {
        Figure::new(
            format!("the largest hub, in the engine: {what}"),
            Unit::Seconds,
            latencies.median(),
        )
        .at_most(bound)
        .at_22_m()
    };
    figures.push(figure("view", &building, 15e-3).note(note));
    figures.push(
        figure("100 degrees cold", &cold, 3e-3).note("from the targets' side, without a view"),
    );
    figures.push(figure("3rd-degree size", &sizing, 600e-3));
    Ok(())
}
