//! Measures a changing hub: one member whose connections are added and removed continuously, and
//! the effect on readers.

use std::sync::Arc;

use cloud_proto::cloud::v1::GetStatusResponse;
use cloud_proto::databus::v1::Change;

use crate::calls::Calls;
use crate::capacity::{degrees_at, degrees_rate};
use crate::feed::Feed;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::publisher::Publisher;
use crate::questions::draw_for;
use crate::random_changes::RandomChanges;
use crate::rounds::{self, Rounds, by_turns};
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The least connections of the hub, if the site has as many members.
const HUB_DEGREE_MIN: usize = 10_000;
/// The window size in which missing connections are published.
const GROWTH_WINDOW: usize = 1_000;
/// The changes per second of the hub's connections.
const RATE: f64 = 10_000.0;
/// The changes of each of these windows.
const WINDOW: u64 = 16;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(changing_hub(setting, figures))
}

async fn changing_hub(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let site = setting.site()?;
    let (node, hub) = site.largest_hub()?;
    let hub = hub.get();
    let measured = setting.measured_server("hub").await?;
    let channels = measured.calls.channels();
    let members = site.member_ids();
    let others = members.iter().copied().filter(|&member| member != hub);
    let connected: Arc<[u64]> = others.take(HUB_DEGREE_MIN).collect();
    let mut publisher = Publisher::open(channels, 0).await?;
    for window in connected.chunks(GROWTH_WINDOW) {
        let changes = window
            .iter()
            .map(|&other| RandomChanges::connected(hub, other));
        publisher.publish(changes.collect()).await?;
    }
    drop(publisher);
    let before = status(&measured.calls).await?;
    let mut fed = Vec::new();
    let about_others = measured.calls.while_it_changes();
    let of_others = turns(setting, &about_others, hub, &connected, &mut fed).await?;
    let question = draw_for(site.graph(), node, setting.options().seed)?;
    let as_viewer = Calls::new(channels.clone(), [question].into()).while_it_changes();
    let of_hub = turns(setting, &as_viewer, hub, &connected, &mut fed).await?;
    let after = status(&measured.calls).await?;

    let what =
        "GetDegrees, open loop, while a hub's connections change 10,000 times/s, against none";
    for (who, (rate, rounds)) in [("others", of_others), ("the hub as viewer", of_hub)] {
        let figure = |name: &str, quantile| {
            let what = format!("{what}: {who}, {name}");
            Figure::new(what, Unit::Times, rounds.ratio(quantile))
        };
        figures.push(figure("median", Latencies::median).note(format!(
            "{}; {}",
            Unit::PerSecond.show(rate),
            rounds.show()
        )));
        figures.push(figure("p99", Latencies::p99));
    }
    figures.push(compactions_begun(&before, &after, &fed));
    let overlay = |status: &GetStatusResponse| status.overlay.unwrap_or_default();
    let figure = Figure::new(
        "overlay after a hub has changed all the time",
        Unit::Bytes,
        overlay(&after).bytes as f64,
    );
    figures.push(figure.note(format!(
        "{} entries of {} members; {} and {} entries before",
        grouped(overlay(&after).entries),
        grouped(overlay(&after).touched_nodes),
        Unit::Bytes.show(overlay(&before).bytes as f64),
        grouped(overlay(&before).entries),
    )));
    Ok(())
}

/// Measures degrees without and with the hub's changes in alternation. The rate is 30 % of the
/// server's capacity while the hub changes, and is returned as well.
async fn turns(
    setting: &Setting,
    calls: &Arc<Calls>,
    hub: u64,
    connected: &Arc<[u64]>,
    fed: &mut Vec<f64>,
) -> Outcome<(f64, Rounds)> {
    let feed = async || {
        let connected = Arc::clone(connected);
        let change = move |number| toggled(hub, &connected, number);
        Feed::start(calls.channels(), RATE, WINDOW, change).await
    };
    // The first pass fills the cache of views.
    degrees_rate(calls, setting.duration()).await?;
    let changing = feed().await?;
    let rate = degrees_rate(calls, setting.duration()).await?;
    // While all callers keep the server busy, the feed may fall short of its rate, which is no
    // error here.
    drop(changing.stop().await);
    let rounds = by_turns(
        async || degrees_at(calls, rate, setting.turn_duration()).await,
        async || {
            let changing = feed().await?;
            let answered = degrees_at(calls, rate, setting.turn_duration()).await?;
            fed.push(changing.stop().await?);
            Ok(answered)
        },
    );
    Ok((rate, rounds.await?))
}

/// Returns the change of a number: an even one removes a connection of the hub, and the next adds
/// it again.
fn toggled(hub: u64, connected: &[u64], number: u64) -> Change {
    let place = (number / 2) as usize % connected.len().max(1);
    let other = connected.get(place).copied().unwrap_or(hub);
    if number.is_multiple_of(2) {
        RandomChanges::disconnected(hub, other)
    } else {
        RandomChanges::connected(hub, other)
    }
}

async fn status(calls: &Calls) -> Outcome<GetStatusResponse> {
    Ok(calls.channels().admin(0).status().await?)
}

fn compactions_begun(before: &GetStatusResponse, after: &GetStatusResponse, fed: &[f64]) -> Figure {
    let begun = |status: &GetStatusResponse| {
        let compaction = status.compaction.clone().unwrap_or_default();
        compaction.completed + compaction.failed + u64::from(compaction.running.is_some())
    };
    let changes = after.graph.as_ref().map_or(0, |graph| graph.scn)
        - before.graph.as_ref().map_or(0, |graph| graph.scn);
    Figure::new(
        "compactions that began because a hub changed all the time",
        Unit::Count,
        (begun(after) - begun(before)) as f64,
    )
    .note(format!(
        "{} changes of at least {} connections; {} acknowledged while degrees were asked for",
        grouped(changes * WINDOW),
        grouped(HUB_DEGREE_MIN as u64),
        Unit::PerSecond.show(rounds::median(fed.iter().copied()))
    ))
}
