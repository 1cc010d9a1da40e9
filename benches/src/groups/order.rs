//! Compares the two orders of nodes: build time, size of the graph, and speed of views and
//! searches.

use std::time::Instant;

use cloud_engine::{Budget, GRAPH_NAME, Graph, NodeIndex, Scratch, View};
use cloud_model::MemberId;

use crate::{
    figures::{Figure, Figures},
    latencies::Latencies,
    loader_run::LoaderRun,
    outcome::{Outcome, check_equal},
    plain_search::open_base,
    search_questions::Searching,
    setting::Setting,
    site::Site,
    terms::Terms,
    unit::Unit,
};

/// The orders, as values of `loader build --order`.
const ORDERS: [&str; 2] = ["id", "community"];
/// The most that building in communities may take, relative to building by id.
const BUILD_TIMES_MAX: f64 = 3.0;
/// The number of measured searches.
const SEARCHES: usize = 5_000;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    // Builds the site before it is opened for the questions.
    setting.site_build()?;
    let (mut by_id, mut sizes) = (None, None);
    for order in ORDERS {
        let folder = setting.data().scratch_folder("order")?;
        let out = folder.path().join("snapshot");
        let run = build(setting, order, &out.display().to_string())?;
        let site = Site::at(&out)?;
        let seconds = run.duration.as_secs_f64();
        let figure = Figure::new(
            format!("connections -> snapshot, order {order}"),
            Unit::Seconds,
            seconds,
        );
        let by_id = *by_id.get_or_insert(seconds);
        figures.push(
            figure
                .at_most(BUILD_TIMES_MAX * by_id)
                .note(run.stages_text()),
        );
        let found = of_graph(setting, &site, order, figures)?;
        let expected = *sizes.get_or_insert(found);
        check_equal(|| "members in all views".to_owned(), expected, found)?;
    }
    if setting.options().graph_only {
        return Ok(());
    }
    let terms = Terms::read(&open_base(setting.site()?)?)?;
    let mut totals = None;
    for order in ORDERS {
        let folder = setting.data().site_in_order(order)?;
        let found = of_search(
            setting,
            &Site::at(&folder.join("snapshot"))?,
            &terms,
            order,
            figures,
        )?;
        let expected = *totals.get_or_insert(found);
        check_equal(|| "members found".to_owned(), expected, found)?;
    }
    Ok(())
}

fn build(setting: &Setting, order: &str, out: &str) -> Outcome<LoaderRun> {
    let connections = setting.data().pairs()?.display().to_string();
    let map = "connections:member=1,other=2";
    let arguments = [
        "--connections",
        &connections,
        "--map",
        map,
        "--order",
        order,
        "--out",
        out,
    ];
    LoaderRun::of("build", arguments.map(str::to_owned))
}

/// Measures a graph. Returns the number of members in all views, which is the same in any order.
fn of_graph(setting: &Setting, site: &Site, order: &str, figures: &mut Figures) -> Outcome<u64> {
    let graph = site.graph();
    let hot = site.manifest().file(GRAPH_NAME).ok_or("no graph")?.bytes;
    let figure = Figure::new(
        format!("hot part of the snapshot, order {order}"),
        Unit::Bytes,
        hot as f64,
    );
    let hot_max = if order == "id" { 1.25e9 } else { 1.35e9 };
    figures.push(figure.at_most(hot_max).at_22_m());
    figures.push(Figure::new(
        format!("log2 of the gap between sorted neighbours, mean, order {order}"),
        Unit::Bits,
        gap_bits(graph),
    ));
    let (mut latencies, mut scratch, mut members) = (Latencies::new(), Scratch::new(), 0);
    for question in setting.questions()?.iter() {
        let viewer = node(graph, question.viewer_id)?;
        let start = Instant::now();
        let view = View::build(graph, viewer, &mut scratch, &mut Budget::unlimited())?;
        latencies.record(start.elapsed());
        members += view.first().len() + view.second().len();
    }
    let view = |what: &str, seconds, bound| {
        Figure::new(
            format!("view in the engine: {what}, order {order}"),
            Unit::Seconds,
            seconds,
        )
        .at_most(bound)
        .at_22_m()
    };
    figures.push(view("median", latencies.median(), 150e-6));
    figures.push(view("p99", latencies.p99(), 1.5e-3));
    Ok(members)
}

/// Returns the mean log2 of the gaps between sorted neighbours, without the first of each row.
fn gap_bits(graph: &Graph) -> f64 {
    let (mut bits, mut gaps) = (0.0, 0_u64);
    for node in graph.nodes() {
        let mut before: Option<NodeIndex> = None;
        for neighbour in graph.neighbours(node) {
            if let Some(before) = before {
                bits += f64::from(neighbour.get() - before.get()).log2();
                gaps += 1;
            }
            before = Some(neighbour);
        }
    }
    bits / gaps.max(1) as f64
}

/// Measures searches. Returns the number of members found, which is the same in any order.
fn of_search(
    setting: &Setting,
    site: &Site,
    terms: &Terms,
    order: &str,
    figures: &mut Figures,
) -> Outcome<u64> {
    let searching = Searching::at(site, setting.data().scratch_folder("live")?)?;
    let mut latencies = Latencies::new();
    let mut found = 0;
    for question in searching.draw(setting, terms, SEARCHES)? {
        let query = question.term.query();
        let start = Instant::now();
        let page = searching.search_network(&query, &question.view)?;
        latencies.record(start.elapsed());
        check_equal(|| query, question.total, page.total)?;
        found += page.total;
    }
    figures.push(Figure::new(
        format!("one term, 1st+2nd, warm view, in process: median, order {order}"),
        Unit::Seconds,
        latencies.median(),
    ));
    Ok(found)
}

fn node(graph: &Graph, member: u64) -> Outcome<NodeIndex> {
    let node = MemberId::new(member).and_then(|member| graph.node(member));
    node.ok_or_else(|| format!("member {member} is not in the graph").into())
}
