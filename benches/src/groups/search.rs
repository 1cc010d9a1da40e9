//! Measures searches inside networks: in this process as the server does it, and over gRPC.

use std::sync::Arc;
use std::time::Instant;

use cloud_engine::{Budget, Scratch, View};
use cloud_search::{BASE_INDEX_NAME, Field};
use tantivy::Searcher;

use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::{Outcome, check_equal};
use crate::plain_search::open_base;
use crate::search_questions::{SearchQuestion, Searching, search_members};
use crate::setting::Setting;
use crate::terms::Terms;
use crate::unit::{Unit, grouped};

/// The number of measured searches, each once.
const SEARCHES: usize = 5_000;
/// The number of searches of the largest network.
const LARGEST_SEARCHES: usize = 200;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let base = open_base(setting.site()?)?;
    index(setting, &base, figures)?;
    let (searching, terms) = (Searching::open(setting)?, Terms::read(&base)?);
    let questions = searching.draw(setting, &terms, SEARCHES)?;
    in_process(&searching, &questions, figures)?;
    over_grpc(setting, &questions, figures)?;
    figures.push(Figure::not_built("the same with five facets"));
    largest_network(setting, &searching, &terms, figures)
}

fn index(setting: &Setting, base: &Searcher, figures: &mut Figures) -> Outcome<()> {
    let build = setting.site_build()?;
    let seconds = Figure::new(
        "index all profiles",
        Unit::Seconds,
        build.stage_seconds("index")?,
    );
    figures.push(seconds.at_most(40.0).note(format!(
        "the target is for 1 M members, this site has {}; stages of the whole build: {}",
        grouped(setting.options().members),
        build.stages_text()
    )));
    let peak = Figure::new(
        "index all profiles: peak memory of the whole build",
        Unit::Bytes,
        build.peak_bytes as f64,
    );
    figures.push(peak.at_most(3.0 * 1024.0 * 1024.0 * 1024.0));

    let files = &setting.site()?.manifest().files;
    let bytes: u64 = files
        .iter()
        .filter(|file| file.name.starts_with(BASE_INDEX_NAME))
        .map(|file| file.bytes)
        .sum();
    let mut tokens = 0;
    for segment in base.segment_readers() {
        for field in Field::ALL {
            tokens += segment
                .inverted_index(base.schema().get_field(field.name())?)?
                .total_num_tokens();
        }
    }
    let figure = Figure::new(
        "index bytes per token, profiles apart",
        Unit::Bytes,
        bytes as f64 / tokens.max(1) as f64,
    );
    figures.push(figure.at_most(4.0).note(format!(
        "all files of the index; tokens as it counts them, {:.1} a member: \
         names and organisations are in two or three fields",
        tokens as f64 / base.num_docs().max(1) as f64
    )));
    Ok(())
}

fn in_process(
    searching: &Searching,
    questions: &[SearchQuestion],
    figures: &mut Figures,
) -> Outcome<()> {
    let mut latencies = Latencies::new();
    for question in questions {
        let query = question.term.query();
        let start = Instant::now();
        let page = searching.search_network(&query, &question.view)?;
        latencies.record(start.elapsed());
        check_equal(|| query, question.total, page.total)?;
    }
    let what = "one term of any frequency, 1st+2nd, warm view, top 10 + exact total, in process";
    let found = questions.iter().map(|question| question.total).sum::<u64>() as f64
        / questions.len().max(1) as f64;
    let note = format!(
        "{} searches; {found:.1} members found in the mean",
        grouped(latencies.count())
    );
    let median = Figure::new(format!("{what}: median"), Unit::Seconds, latencies.median());
    figures.push(median.at_most(0.1e-3).note(note));
    figures.push(Figure::new(format!("{what}: p99"), Unit::Seconds, latencies.p99()).at_most(1e-3));
    Ok(())
}

fn over_grpc(
    setting: &Setting,
    questions: &[SearchQuestion],
    figures: &mut Figures,
) -> Outcome<()> {
    setting.runtime().block_on(async {
        let measured = setting.measured_server("search").await?;
        let channels = measured.calls.channels();
        let mut latencies = Latencies::new();
        // Two passes: the first builds the views.
        for number in 0..2 * questions.len() {
            let Some(question) = questions.get(number % questions.len()) else {
                continue;
            };
            let start = Instant::now();
            let total = search_members(channels, 0, question).await?;
            if number >= questions.len() {
                latencies.record(start.elapsed());
            }
            check_equal(|| question.term.query(), question.total, total)?;
        }
        let figure = |what: &str, seconds| {
            Figure::new(
                format!("the same over gRPC, one caller: {what}"),
                Unit::Seconds,
                seconds,
            )
        };
        figures.push(figure("median", latencies.median()));
        figures.push(figure("p99", latencies.p99()));
        Ok(())
    })
}

fn largest_network(
    setting: &Setting,
    searching: &Searching,
    terms: &Terms,
    figures: &mut Figures,
) -> Outcome<()> {
    let graph = setting.site()?.graph();
    let hub = setting.site()?.largest_hub()?.0;
    let mut scratch = Scratch::new();
    let mut largest = Arc::new(View::build(
        graph,
        hub,
        &mut scratch,
        &mut Budget::unlimited(),
    )?);
    for question in setting.questions()?.iter() {
        let view = View::build(
            graph,
            question.viewer,
            &mut scratch,
            &mut Budget::unlimited(),
        )?;
        if size(&view) > size(&largest) {
            largest = Arc::new(view);
        }
    }
    let members = setting.options().members as u32;
    let queries: Vec<String> = terms
        .between(members / 10, members / 5)
        .map(|term| term.query())
        .collect();
    let what = "the largest network, a term held by 10-20 %, total + top 10: p99";
    if queries.is_empty() {
        return Err(format!("{what}: no term is held by 10-20 %").into());
    }
    let mut latencies = Latencies::new();
    for query in queries.iter().cycle().take(LARGEST_SEARCHES) {
        let start = Instant::now();
        searching.search_network(query, &largest)?;
        latencies.record(start.elapsed());
    }
    let figure = Figure::new(what, Unit::Seconds, latencies.p99())
        .at_most(15e-3)
        .at_22_m();
    figures.push(figure.note(format!(
        "{} members (the target is for 500,000), by degree and relevance, warm view; \
         median {}; {} terms",
        grouped(size(&largest)),
        Unit::Seconds.show(latencies.median()),
        queries.len()
    )));
    figures.push(Figure::not_built("the same by degree and name"));
    figures.push(Figure::not_built(
        "degree facet over all four degrees, a term held by 18 %",
    ));
    Ok(())
}

fn size(view: &View) -> u64 {
    view.first().len() + view.second().len()
}
