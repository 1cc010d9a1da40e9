//! Measures reads of profiles, and searches while profiles change.

use std::sync::Arc;

use cloud_proto::cloud::v1 as cloud;
use cloud_proto::databus::v1::{AtLeast, at_least};
use prost_types::FieldMask;

use crate::capacity::rate_of;
use crate::channels::Channels;
use crate::feed::Feed;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::{Outcome, check_equal};
use crate::plain_search::open_base;
use crate::publisher::Publisher;
use crate::random_changes::RandomChanges;
use crate::rounds::{by_turns, median};
use crate::search_questions::{SearchQuestion, Searching, search_members};
use crate::setting::{Measured, Setting};
use crate::terms::Terms;
use crate::unit::Unit;
use crate::{closed_loop, open_loop};

/// The members of a page.
const PAGE: usize = 10;
/// The members of a batch of names.
const NAMES: usize = 100;
/// The profile changes per second while something else is measured.
const LIVE_RATE: f64 = 1_000.0;
/// The changes of each of these windows.
const LIVE_WINDOW: u64 = 10;
/// The changes per second that are searched for, each by its own caller.
const LOOKED_FOR_RATE: f64 = 20.0;
/// The searches, which are made in turn.
const SEARCHES: usize = 5_000;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let questions = {
        let terms = Terms::read(&open_base(setting.site()?)?)?;
        Searching::open(setting)?
            .draw(setting, &terms, SEARCHES)?
            .into()
    };
    setting.runtime().block_on(async {
        let measured = setting.measured_server("profiles").await?;
        batch_get_profiles(setting, &measured, figures).await?;
        searchable(setting, &measured, figures).await?;
        search_while_changing(setting, &measured, questions, figures).await
    })
}

async fn batch_get_profiles(
    setting: &Setting,
    measured: &Measured,
    figures: &mut Figures,
) -> Outcome<()> {
    let latencies = profiles_of(setting, measured, PAGE, &[]).await?;
    let figure = |what: &str, share| {
        let what = format!("BatchGetProfiles of 10, random members, one caller: {what}");
        Figure::new(what, Unit::Seconds, latencies.quantile(share))
    };
    figures.push(figure("median", 0.5).note(format!(
        "no cache of profiles yet; {} calls",
        latencies.count()
    )));
    figures.push(figure("p99.9", 0.999));
    figures.push(Figure::not_built(
        "BatchGetProfiles of 10, p99.9 while a full cache of 2 M evicts, against not evicting",
    ));
    let before = measured.server.processor_time()?;
    let latencies = profiles_of(setting, measured, NAMES, &["display_name"]).await?;
    let time = measured.server.processor_time()?.saturating_sub(before);
    let what = "BatchGetProfiles of 100 names, random members, one caller: median";
    figures.push(
        Figure::new(what, Unit::Seconds, latencies.median()).note(format!(
            "p99 {}; server time a call {}; {} calls",
            Unit::Seconds.show(latencies.p99()),
            Unit::Seconds.show(time.as_secs_f64() / latencies.count().max(1) as f64),
            latencies.count()
        )),
    );
    Ok(())
}

/// Reads these fields of random members, all fields if none is named, in batches of this size.
async fn profiles_of(
    setting: &Setting,
    measured: &Measured,
    batch: usize,
    fields: &[&str],
) -> Outcome<Latencies> {
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let batches: Arc<[Vec<u64>]> = (0..10_000)
        .map(|_| (0..batch).map(|_| random.member()).collect())
        .collect();
    let paths: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
    let read_mask = (!paths.is_empty()).then_some(FieldMask { paths });
    let channels = measured.calls.channels().clone();
    let call = move |number: u64| {
        let (channels, batches) = (channels.clone(), batches.clone());
        let read_mask = read_mask.clone();
        async move {
            let member_ids = batches
                .get(number as usize % batches.len())
                .cloned()
                .unwrap_or_default();
            let request = cloud::BatchGetProfilesRequest {
                anonymous: true,
                member_ids,
                read_mask,
                ..Default::default()
            };
            let answer = channels.client(0).call(request).await?;
            let found = answer
                .results
                .iter()
                .filter(|result| result.profile.is_some())
                .count();
            check_equal(|| "profiles of a batch".to_owned(), batch, found)
        }
    };
    let answered = closed_loop::run(1, setting.duration() * 2, call).await?;
    Ok(answered.latencies)
}

/// Measures the time from a change to the search that finds it. Headlines change continuously, and
/// at a low rate a summary is changed and then searched for.
async fn searchable(setting: &Setting, measured: &Measured, figures: &mut Figures) -> Outcome<()> {
    let channels = measured.calls.channels().clone();
    let feed = headlines(setting, &channels, setting.options().seed).await?;
    let ids: Arc<[u64]> = setting
        .questions()?
        .iter()
        .map(|question| question.viewer_id)
        .collect();
    let call = move |number: u64| {
        let (channels, ids) = (channels.clone(), ids.clone());
        async move {
            let (viewer_id, others) = ids.split_first().ok_or("there are no viewers")?;
            let member_id = others
                .get(number as usize % others.len().max(1))
                .copied()
                .unwrap_or(*viewer_id);
            change_and_find(&channels, *viewer_id, member_id, &word(number)).await
        }
    };
    let answered = open_loop::run(LOOKED_FOR_RATE, setting.duration() * 4, call).await?;
    let latencies = answered.latencies;
    let rate = feed.stop().await?;
    let figure = Figure::new(
        "profile change to searchable at 1,000 changes/s: p99",
        Unit::Seconds,
        latencies.p99(),
    );
    figures.push(figure.at_most(200e-3).note(format!(
        "from Publish to the answer of a search that finds it (at_least); median {}; \
         {} looked for, at {}",
        Unit::Seconds.show(latencies.median()),
        latencies.count(),
        Unit::PerSecond.show(rate)
    )));
    Ok(())
}

async fn change_and_find(
    channels: &Channels,
    viewer_id: u64,
    member_id: u64,
    word: &str,
) -> Outcome<()> {
    let change = RandomChanges::summary(member_id, word.to_owned());
    let as_of = Publisher::open(channels, member_id)
        .await?
        .publish(vec![change])
        .await?;
    let request = cloud::SearchMembersRequest {
        viewer_id,
        query: format!("summary:{word}"),
        at_least: Some(AtLeast {
            point: Some(at_least::Point::AsOf(as_of)),
        }),
        ..Default::default()
    };
    let answer = channels.client(member_id).call(request).await?;
    let found: Vec<u64> = answer.hits.iter().map(|hit| hit.member_id).collect();
    check_equal(
        || format!("members found by summary:{word}"),
        vec![member_id],
        found,
    )
}

/// Returns a word that no member has: the number in letters.
fn word(number: u64) -> String {
    let letters = number
        .to_string()
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect::<String>();
    format!("zzbench{letters}")
}

async fn headlines(setting: &Setting, channels: &Channels, seed: u64) -> Outcome<Feed> {
    let mut random = RandomChanges::new(setting.site()?.member_ids(), seed);
    let change = move |number| random.headline(format!("Engineer number {number}"));
    Feed::start(channels, LIVE_RATE, LIVE_WINDOW, change).await
}

async fn search_while_changing(
    setting: &Setting,
    measured: &Measured,
    questions: Arc<[SearchQuestion]>,
    figures: &mut Figures,
) -> Outcome<()> {
    let channels = measured.calls.channels().clone();
    let call = move |number: u64| {
        let (channels, questions) = (channels.clone(), questions.clone());
        async move {
            let question = questions
                .get(number as usize % questions.len())
                .ok_or("there are no questions")?;
            search_members(&channels, number, question).await.map(drop)
        }
    };
    // Measured twice: the first pass fills the cache of views.
    rate_of(call.clone(), setting.duration()).await?;
    let rate = rate_of(call.clone(), setting.duration()).await?;
    let at_rate = async || open_loop::run(rate, setting.turn_duration(), call.clone()).await;
    let mut seed = setting.options().seed;
    let mut fed = Vec::new();
    let rounds = by_turns(
        async || at_rate().await,
        async || {
            seed += 1;
            let feed = headlines(setting, measured.calls.channels(), seed).await?;
            let answered = at_rate().await?;
            fed.push(feed.stop().await?);
            Ok(answered)
        },
    )
    .await?;
    let what = "SearchMembers p99, open loop at 30 %, with 1,000 profile changes/s against none";
    let figure = Figure::new(what, Unit::Times, rounds.ratio(Latencies::p99)).at_most(2.0);
    figures.push(figure.note(format!(
        "{}; {} changes acknowledged; {}",
        Unit::PerSecond.show(rate),
        Unit::PerSecond.show(median(fed)),
        rounds.show()
    )));
    figures.push(Figure::not_built("typeahead in network, 3 letters"));
    Ok(())
}
