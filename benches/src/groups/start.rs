//! Measures the time from a start to the first answer, without a log to replay and with one.

use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::figures::{Figure, Figures};
use crate::outcome::Outcome;
use crate::publisher::Publisher;
use crate::random_changes::RandomChanges;
use crate::server::Server;
use crate::setting::Setting;
use crate::unit::{Unit, grouped};

/// The measured starts; one before them fills the file cache.
const STARTS: usize = 3;
/// The windows that are replayed, and the changes of each.
const REPLAYED_WINDOWS: usize = 3_000;
const REPLAYED_WINDOW: usize = 1_000;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        first_answer(setting).await?;
        let mut durations = Vec::new();
        for _ in 0..STARTS {
            durations.push(first_answer(setting).await?);
        }
        let median = middle(durations);
        let what = "start to first answer, file cache warm";
        let figure = Figure::new(what, Unit::Seconds, median.as_secs_f64());
        figures.push(figure.at_most(1.0).at_22_m().note(format!(
            "from the process's start to the first GetDegrees, \
             graph and profiles and index opened; median of {STARTS}"
        )));
        replay(setting, median, figures).await
    })
}

fn middle(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations.get(STARTS / 2).copied().unwrap_or_default()
}

/// Measures how fast a start replays a log, whose changes are newer than the snapshot.
async fn replay(setting: &Setting, without: Duration, figures: &mut Figures) -> Outcome<()> {
    let folder = setting.data().server_folder("start")?;
    let mut random = RandomChanges::new(setting.site()?.member_ids(), setting.options().seed);
    let server = Server::start(folder.path(), &[])?;
    let channels = Channels::connect(&server).await?;
    let mut publisher = Publisher::open(&channels, 0).await?;
    for _ in 0..REPLAYED_WINDOWS {
        let changes = (0..REPLAYED_WINDOW).map(|_| random.connection()).collect();
        publisher.publish(changes).await?;
    }
    server.kill()?;
    let mut durations = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let server = Server::start(folder.path(), &[])?;
        Channels::connect(&server).await?;
        durations.push(start.elapsed());
        server.kill()?;
    }
    let median = middle(durations);
    let changes = (REPLAYED_WINDOWS * REPLAYED_WINDOW) as u64;
    let rate = changes as f64 / median.saturating_sub(without).as_secs_f64();
    let what = "changes replayed per second at a start, windows of 1,000";
    let figure = Figure::new(what, Unit::PerSecond, rate);
    figures.push(figure.at_least(3e6).at_22_m().note(format!(
        "{} new connections between random members; from the process's start until it serves {}, \
         without a log {}; median of {STARTS}",
        grouped(changes),
        Unit::Seconds.show(median.as_secs_f64()),
        Unit::Seconds.show(without.as_secs_f64())
    )));
    Ok(())
}

async fn first_answer(setting: &Setting) -> Outcome<Duration> {
    let questions = setting.questions()?.clone();
    let folder = setting.data().server_folder("start")?;
    let start = Instant::now();
    let server = Server::start(folder.path(), &[])?;
    let calls = Calls::new(Channels::connect(&server).await?, questions);
    calls.degrees(0, 25).await?;
    let duration = start.elapsed();
    server.terminate()?;
    Ok(duration)
}
