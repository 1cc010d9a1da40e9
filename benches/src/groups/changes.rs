//! Measures the application of changes: in the engine alone, and with concurrent calls.

use std::time::Instant;

use cloud_engine::GraphChange;
use cloud_model::{ConnectionTime, MemberId, Scn};

use crate::capacity::{degrees_at, degrees_rate};
use crate::feed::Feed;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::random_changes::RandomChanges;
use crate::rounds::{self, by_turns};
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The changes applied in the engine, each time, if the site has twice as many members. Chains are
/// then as short as they usually are.
const APPLIED_MAX: usize = 1_000_000;
/// The most memory of each change, and of the arrays by node together.
const OVERLAY_BYTES_EACH: f64 = 56.0;
const OVERLAY_BYTES_BEFORE: f64 = 100e6;
/// The changes per second while degrees are called.
const LIVE_RATE: f64 = 10_000.0;
/// The changes of each of these windows.
const LIVE_WINDOW: u64 = 16;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let changes = drawn_changes(setting)?;
    let one_by_one = apply(setting, &changes, 1)?;
    let figure = Figure::new(
        "changes applied per second in the engine, windows of 1",
        Unit::PerSecond,
        one_by_one.rate,
    );
    figures.push(figure.at_least(1e6).at_22_m().note(format!(
        "{} new connections between random members",
        grouped(changes.len() as u64)
    )));
    let together = apply(setting, &changes, 1_000)?;
    let what = "changes applied per second in the engine, windows of 1,000";
    figures.push(
        Figure::new(what, Unit::PerSecond, together.rate)
            .at_least(3e6)
            .at_22_m(),
    );
    let bytes_max = OVERLAY_BYTES_EACH * changes.len() as f64 + OVERLAY_BYTES_BEFORE;
    let what = format!(
        "overlay memory of {} connection changes",
        grouped(changes.len() as u64)
    );
    let figure = Figure::new(what, Unit::Bytes, together.bytes).at_most(bytes_max);
    figures.push(figure.note(format!(
        "as the engine counts; at most {OVERLAY_BYTES_EACH} bytes a change \
         (two entries, times included) and {}; {} are there without changes",
        Unit::Bytes.show(OVERLAY_BYTES_BEFORE),
        Unit::Bytes.show(together.bytes_before),
    )));
    while_asked(setting, figures)
}

fn drawn_changes(setting: &Setting) -> Outcome<Vec<GraphChange>> {
    let count = APPLIED_MAX.min(setting.options().members as usize / 2);
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let mut id = |(member, other)| Some((MemberId::new(member)?, MemberId::new(other)?));
    let pairs = std::iter::repeat_with(|| random.pair())
        .filter_map(&mut id)
        .take(count);
    let connection = |(member, other)| GraphChange::ConnectionAdded {
        existing_only: false,
        member,
        other,
        time: ConnectionTime::UNKNOWN,
    };
    Ok(pairs.map(connection).collect())
}

struct Applying {
    rate: f64,
    bytes_before: f64,
    bytes: f64,
}

fn apply(setting: &Setting, changes: &[GraphChange], window: usize) -> Outcome<Applying> {
    let mut writer = setting.site()?.writer();
    let bytes_before = writer.version().stats().bytes;
    let start = Instant::now();
    for (scn, window) in (1..).zip(changes.chunks(window)) {
        writer.apply(Scn::new(scn), window)?;
    }
    let rate = changes.len() as f64 / start.elapsed().as_secs_f64();
    let bytes = writer.version().stats().bytes;
    Ok(Applying {
        rate,
        bytes_before: bytes_before as f64,
        bytes: bytes as f64,
    })
}

fn while_asked(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed + 1);
    setting.runtime().block_on(async {
        let measured = setting.measured_server("changes").await?;
        let calls = measured.calls.while_it_changes();
        // Two passes: the first fills the cache of views.
        degrees_rate(&calls, setting.duration()).await?;
        let rate = degrees_rate(&calls, setting.duration()).await?;
        let mut fed = Vec::new();
        let rounds = by_turns(
            async || degrees_at(&calls, rate, setting.turn_duration()).await,
            async || {
                let mut drawn = random.fork();
                let change = move |_| drawn.connection();
                let feed = Feed::start(calls.channels(), LIVE_RATE, LIVE_WINDOW, change).await?;
                let answered = degrees_at(&calls, rate, setting.turn_duration()).await?;
                fed.push(feed.stop().await?);
                Ok(answered)
            },
        )
        .await?;
        let what = "GetDegrees, open loop at 30 %, with 10,000 changes/s against none";
        let median = Figure::new(
            format!("{what}: median"),
            Unit::Times,
            rounds.ratio(Latencies::median),
        );
        figures.push(median.at_most(1.2).note(format!(
            "{}; {} changes acknowledged; {}",
            Unit::PerSecond.show(rate),
            Unit::PerSecond.show(rounds::median(fed)),
            rounds.show()
        )));
        let p99 = Figure::new(
            format!("{what}: p99"),
            Unit::Times,
            rounds.ratio(Latencies::p99),
        );
        figures.push(p99.at_most(2.0));
        Ok(())
    })
}
