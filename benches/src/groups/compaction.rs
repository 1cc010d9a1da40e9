//! Measures the compaction of the overlay into a new snapshot: its duration, its memory, and its
//! effect on readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::capacity::{degrees_at, degrees_rate};
use crate::channels::Channels;
use crate::feed::Feed;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::publisher::Publisher;
use crate::random_changes::RandomChanges;
use crate::rounds::by_turns;
use crate::setting::{Measured, Setting};
use crate::unit::{Unit, grouped};

/// The changes that are folded, if the site has twice as many members.
const FOLDED_MAX: usize = 1_000_000;
/// The changes of each of these windows.
const FOLDED_WINDOW: usize = 1_000;
/// The changes per second while degrees are requested.
const LIVE_RATE: f64 = 10_000.0;
/// The changes of each of these windows.
const LIVE_WINDOW: u64 = 16;
/// The rates at which degrees are requested, relative to the usual rate of 30 % of the capacity. At
/// 30 %, separate callers already keep two cores busy. The smaller rate shows the effect of the
/// compaction alone.
const RATES: [(f64, &str); 2] = [
    (
        1.0,
        "the same p99 during a compaction, with 10,000 changes/s, against none",
    ),
    (1.0 / 3.0, "the same at 10 % of capacity"),
];
/// The interval between two reads of the server's memory.
const MEMORY_INTERVAL: Duration = Duration::from_millis(10);
/// The client's timeout of TakeSnapshot, above the longest time that a server allows for a call.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        alone(setting, figures).await?;
        while_asked(setting, figures).await
    })
}

/// Measures a compaction without other calls.
async fn alone(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let Measured {
        calls,
        server,
        folder: _folder,
    } = setting.measured_server("compaction").await?;
    let count = FOLDED_MAX.min(setting.options().members as usize / 2);
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let mut publisher = Publisher::open(calls.channels(), 0).await?;
    for _ in 0..count.div_ceil(FOLDED_WINDOW) {
        let changes = (0..FOLDED_WINDOW).map(|_| random.connection());
        publisher.publish(changes.collect()).await?;
    }
    let before = server.resident()?.anonymous;
    let channels = calls.channels().clone();
    let taken = tokio::spawn(async move {
        let start = Instant::now();
        snapshot(&channels).await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(start.elapsed())
    });
    let mut peak = before;
    while !taken.is_finished() {
        peak = peak.max(server.resident()?.anonymous);
        tokio::time::sleep(MEMORY_INTERVAL).await;
    }
    let time = taken.await??;
    figures.push(
        Figure::new(
            "compaction, nobody asking",
            Unit::Seconds,
            time.as_secs_f64(),
        )
        .note(format!(
            "{} new connections between random members; from TakeSnapshot to its answer",
            grouped(count as u64)
        )),
    );
    figures.push(
        Figure::new(
            "memory of its own that a compaction takes, beside the overlay",
            Unit::Bytes,
            (peak - before) as f64,
        )
        .at_most(memory_max(setting.options().members))
        .note(format!(
            "peak above {} before; looked at every {} ms",
            Unit::Bytes.show(before as f64),
            MEMORY_INTERVAL.as_millis()
        )),
    );
    Ok(())
}

/// Returns the bound: 4 bytes a node, and a reserve for steps, blocks of files and the allocator.
fn memory_max(members: u64) -> f64 {
    (4 * members + (32 << 20)) as f64
}

async fn while_asked(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed + 1);
    let measured = setting.measured_server("compactions").await?;
    let calls = measured.calls.while_it_changes();
    // Measured twice: the first pass fills the cache of views.
    degrees_rate(&calls, setting.duration()).await?;
    let rate = degrees_rate(&calls, setting.duration()).await?;
    for (part, what) in RATES {
        let p99 = at_rate(setting, &calls, rate * part, &mut random, what).await?;
        figures.push(p99.at_most(2.0));
    }
    Ok(())
}

async fn at_rate(
    setting: &Setting,
    calls: &Arc<Calls>,
    rate: f64,
    random: &mut RandomChanges,
    what: &str,
) -> Outcome<Figure> {
    let rounds = by_turns(
        async || degrees_at(calls, rate, setting.turn_duration()).await,
        async || {
            let mut drawn = random.fork();
            let change = move |_| drawn.connection();
            let feed = Feed::start(calls.channels(), LIVE_RATE, LIVE_WINDOW, change).await?;
            let stop = Arc::new(AtomicBool::new(false));
            let (channels, stopped) = (calls.channels().clone(), Arc::clone(&stop));
            let snapshots = tokio::spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    snapshot(&channels).await?;
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            });
            let answered = degrees_at(calls, rate, setting.turn_duration()).await?;
            stop.store(true, Ordering::Relaxed);
            feed.stop().await?;
            snapshots.await??;
            Ok(answered)
        },
    )
    .await?;
    let status = calls.channels().admin(0).status().await?;
    let compaction = status.compaction.unwrap_or_default();
    if compaction.completed == 0 {
        return Err("no compaction was completed".into());
    }
    let last = compaction.last_duration.unwrap_or_default();
    let last_seconds = Duration::try_from(last)?.as_secs_f64();
    let p99 = Figure::new(what, Unit::Times, rounds.ratio(Latencies::p99));
    Ok(p99.note(format!(
        "{}; one compaction after the other, {} of them since the start, the last in {}; {}",
        Unit::PerSecond.show(rate),
        compaction.completed,
        Unit::Seconds.show(last_seconds),
        rounds.show()
    )))
}

/// Takes a snapshot of the current state.
async fn snapshot(channels: &Channels) -> Outcome<()> {
    let admin = channels.admin(0).timeout(SNAPSHOT_TIMEOUT);
    admin.take_snapshot(None).await?;
    Ok(())
}
