//! Measures the log: the cost of a durable change, and the duration of a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use databus::{Log, LogOptions, Window};
use tokio::task::JoinSet;

use crate::channels::Channels;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::publishing::{CALLERS, Visible, durable_rate};
use crate::random_changes::RandomChanges;
use crate::rounds::median;
use crate::server::Server;
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The changes since the snapshot when a server is restarted, if the site has twice as many
/// members.
const REPLAYED_MAX: usize = 1_000_000;
/// The changes of each of these windows.
const REPLAYED_WINDOW: usize = 1_000;
/// The starts, of which the median is taken.
const STARTS: usize = 3;
/// The windows of a log whose size is measured.
const WEIGHED_WINDOWS: usize = 4_096;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        publish_throughput(setting, figures).await?;
        publish_to_visible(setting, figures).await?;
        restarts(setting, figures).await?;
        log_bytes(setting, figures).await
    })
}

async fn publish_throughput(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let measured = setting.measured_server("publish").await?;
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let publishers = measured.calls.channels();
    let rate = durable_rate(publishers, &mut random, setting.duration()).await?;
    let what = "durable changes per second through Publish, 64 callers, windows of 16";
    figures.push(
        Figure::new(what, Unit::PerSecond, rate)
            .at_least(100e3)
            .at_22_m(),
    );
    Ok(())
}

async fn publish_to_visible(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let measured = setting.measured_server("visible").await?;
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let visible = Visible::measure(
        measured.calls.channels(),
        &measured.calls,
        measured.folder.path(),
        &mut random,
        setting.duration() * 3,
    )
    .await?;
    let what = "publish to visible, one caller: p99 above one bare sync's p99";
    let figure = Figure::new(what, Unit::Seconds, visible.above_sync(Latencies::p99))
        .at_most(2e-3)
        .at_22_m();
    figures.push(figure.note(visible.show()));
    Ok(())
}

/// Returns the median duration of some starts, each on the files that a kill has left.
async fn starting(folder: &Path) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (server, time) = serving(folder).await?;
        server.kill()?;
        times.push(time.as_secs_f64());
    }
    Ok(median(times))
}

/// Measures the time from a process's start until it serves.
async fn serving(folder: &Path) -> Outcome<(Server, Duration)> {
    let start = Instant::now();
    let server = Server::start(folder, &[])?;
    Channels::connect(&server).await?;
    Ok((server, start.elapsed()))
}

async fn restarts(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let folder = setting.data().server_folder("restart")?;
    let (server, _) = serving(folder.path()).await?;
    server.kill()?;
    let without = starting(folder.path()).await?;
    let changes = REPLAYED_MAX.min(setting.options().members as usize / 2);
    let changes = changes.next_multiple_of(REPLAYED_WINDOW);
    fill_log(setting, &folder.path().join("log"), changes).await?;
    let replaying = starting(folder.path()).await?;
    let (server, _) = serving(folder.path()).await?;
    let start = Instant::now();
    server.terminate()?;
    let ending = start.elapsed().as_secs_f64();
    // From here on a restart reads nothing but the overlay, however often.
    let restarting = starting(folder.path()).await?;
    if replaying <= without {
        return Err(format!("a start with {changes} changes took no longer than without").into());
    }
    let rate = changes as f64 / (replaying - without);
    let figure = Figure::new("replay at start", Unit::PerSecond, rate)
        .at_least(3e6)
        .at_22_m();
    figures.push(figure.note(format!(
        "{} changes in windows of 1,000; a start with them {}, without {}, medians of {STARTS}",
        grouped(changes as u64),
        Unit::Seconds.show(replaying),
        Unit::Seconds.show(without)
    )));
    let changes = grouped(changes as u64);
    let ending = Figure::new(
        format!("SIGTERM with {changes} changes since the snapshot: to its end"),
        Unit::Seconds,
        ending,
    );
    figures.push(ending.at_most(5.0).at_22_m());
    let what = format!("restart with {changes} changes since the snapshot: to SERVING");
    for (how, from, time) in [
        ("after SIGTERM", "from the overlay", restarting),
        ("after SIGKILL", "from the log", replaying),
    ] {
        let figure = Figure::new(format!("{what}, {how}"), Unit::Seconds, time);
        figures.push(figure.at_most(3.0).at_22_m().note(from));
    }
    Ok(())
}

/// Appends this many changes to the log that a server has left there.
async fn fill_log(setting: &Setting, folder: &Path, changes: usize) -> Outcome<()> {
    let site = setting.site()?;
    let mut random = RandomChanges::new(site.member_ids(), setting.options().seed);
    let log = Log::open(
        folder,
        site.manifest().lineage_id.to_string().parse()?,
        LogOptions::default(),
    )?;
    let windows = std::iter::repeat_n(REPLAYED_WINDOW, changes / REPLAYED_WINDOW);
    append_all(
        &log,
        windows.map(|changes| drawn_window(&mut random, changes)),
    )
    .await?;
    tokio::task::spawn_blocking(move || log.close()).await??;
    Ok(())
}

async fn log_bytes(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    for (window, bound) in [(16, 48.0), (1, 128.0)] {
        let folder = setting.data().scratch_folder("log")?;
        let site = setting.site()?;
        let mut random = RandomChanges::new(site.member_ids(), setting.options().seed);
        let log = Log::open(
            folder.path(),
            site.manifest().lineage_id.to_string().parse()?,
            LogOptions::default(),
        )?;
        let before = log.status().bytes;
        append_all(
            &log,
            (0..WEIGHED_WINDOWS).map(|_| drawn_window(&mut random, window)),
        )
        .await?;
        let bytes = log.status().bytes - before;
        let each = bytes as f64 / (WEIGHED_WINDOWS * window) as f64;
        let figure = Figure::new(
            format!("log bytes per connection change, windows of {window}"),
            Unit::Bytes,
            each,
        );
        figures.push(figure.at_most(bound));
        tokio::task::spawn_blocking(move || log.close()).await??;
    }
    Ok(())
}

fn drawn_window(random: &mut RandomChanges, changes: usize) -> Window {
    let commit_time = Some(prost_types::Timestamp {
        seconds: 1_767_225_600,
        nanos: 0,
    });
    let changes = (0..changes).map(|_| random.connection()).collect();
    Window {
        commit_time,
        changes,
        ..Default::default()
    }
}

/// Appends windows, many together so that they share syncs, and waits until all are durable.
async fn append_all(log: &Log, windows: impl Iterator<Item = Window>) -> Outcome<()> {
    let mut appending = JoinSet::new();
    for window in windows {
        if appending.len() >= CALLERS as usize {
            appending.join_next().await.transpose()?.transpose()?;
        }
        let log = log.clone();
        appending.spawn(async move { log.append(window).await });
    }
    while let Some(appended) = appending.join_next().await {
        appended??;
    }
    Ok(())
}
