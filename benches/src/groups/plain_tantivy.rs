//! Compares our search with plain tantivy, query by query on the same members.

use std::time::{Duration, Instant};

use cloud_engine::Degree;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::{
    figures::{Figure, Figures},
    latencies::Latencies,
    outcome::{Outcome, check_equal},
    plain_search::{PlainSearch, open_base},
    rounds::median,
    search_questions::{SearchQuestion, Searching},
    setting::Setting,
    terms::Terms,
    unit::{Unit, grouped},
};

/// The number of searches of networks.
const SEARCHES: usize = 1_000;
/// The number of searches of everyone.
const EVERYONE_SEARCHES: usize = 500;
/// The least share of members, as one in this number, that holds a term of a search of everyone.
const COMMON_SHARE: u64 = 1_000;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let plain = PlainSearch::open(setting)?;
    let (searching, terms) = (
        Searching::open(setting)?,
        Terms::read(&open_base(setting.site()?)?)?,
    );
    let questions = searching.draw(setting, &terms, SEARCHES)?;
    networks(&plain, &searching, &questions, figures)?;
    everyone(setting, &plain, &searching, &terms, &questions, figures)
}

fn networks(
    plain: &PlainSearch,
    searching: &Searching,
    questions: &[SearchQuestion],
    figures: &mut Figures,
) -> Outcome<()> {
    let [mut ours, mut after, mut set] = [(); 3].map(|()| Latencies::new());
    let mut ratios = Vec::new();
    for SearchQuestion {
        view, term, total, ..
    } in questions
    {
        let query = term.query();
        let (our_time, page) = timed(|| searching.search_network(&query, view))?;
        let (after_time, filtered) = timed(|| plain.filtered_afterwards(term, view))?;
        let (set_time, of_set) = timed(|| plain.set_of_ids(term, view))?;
        check_equal(
            || format!("members found by {query}"),
            (*total, *total, *total),
            (page.total, filtered.total, of_set.total),
        )?;
        let nearest = page.hits.first().map(|hit| hit.degree == Degree::First);
        let rivals = filtered
            .nodes
            .first()
            .map(|&node| view.first().contains(node));
        check_equal(|| format!("the first hit of {query}"), rivals, nearest)?;
        ours.record(our_time);
        after.record(after_time);
        set.record(set_time);
        ratios.push(after_time.min(set_time).as_secs_f64() / our_time.as_secs_f64());
    }
    let note = format!(
        "{} searches, median / p99: ours {}, hits filtered afterwards {}, set of ids {}",
        grouped(ours.count()),
        ours.show(),
        after.show(),
        set.show()
    );
    let what = "faster than the better of the two filters of plain tantivy";
    let figure = Figure::new(
        format!("{what}: median of the ratios query by query"),
        Unit::Times,
        median(ratios),
    );
    figures.push(figure.at_least(1.2).note(note));
    let p99s = after.p99().min(set.p99()) / ours.p99();
    figures
        .push(Figure::new(format!("{what}: ratio of the p99s"), Unit::Times, p99s).at_least(10.0));
    Ok(())
}

fn everyone(
    setting: &Setting,
    plain: &PlainSearch,
    searching: &Searching,
    terms: &Terms,
    questions: &[SearchQuestion],
    figures: &mut Figures,
) -> Outcome<()> {
    let mut random = ChaCha8Rng::seed_from_u64(setting.options().seed);
    let common = (setting.options().members / COMMON_SHARE) as u32;
    let (mut ours, mut theirs, mut ratios) = (Latencies::new(), Latencies::new(), Vec::new());
    for SearchQuestion { view, .. } in questions.iter().take(EVERYONE_SEARCHES) {
        let one = terms.draw_common(common, &mut random)?;
        let other = terms.draw_common(common, &mut random)?;
        let query = format!("{} {}", one.query(), other.query());
        let (our_time, page) = timed(|| searching.search(&query, view, &[]))?;
        let (their_time, (_, total)) = timed(|| plain.everyone(one, other))?;
        // Our answer leaves out the viewer.
        check_equal(
            || format!("members found by {query}"),
            true,
            (total.saturating_sub(1)..=total).contains(&page.total),
        )?;
        ours.record(our_time);
        theirs.record(their_time);
        ratios.push(our_time.as_secs_f64() / their_time.as_secs_f64());
    }
    let what = "everyone, two terms, top 10 + total, against plain tantivy with TopDocs and Count: \
                median of the ratios";
    figures.push(Figure::new(what, Unit::Times, median(ratios)).at_most(1.2).note(format!(
        "ours by degree, then score: {}; theirs by score alone: {} (median / p99 of {} searches)",
        ours.show(),
        theirs.show(),
        ours.count()
    )));
    Ok(())
}

/// Measures a call right after a first one that reads the same data. Otherwise each rival would
/// evict the others' data from the caches.
fn timed<T>(call: impl Fn() -> Outcome<T>) -> Outcome<(Duration, T)> {
    call()?;
    let start = Instant::now();
    let answer = call()?;
    Ok((start.elapsed(), answer))
}
