//! Measures the time from a start to the first answer.

use std::time::{Duration, Instant};

use crate::calls::Calls;
use crate::channels::Channels;
use crate::figures::{Figure, Figures};
use crate::outcome::Outcome;
use crate::server::Server;
use crate::setting::Setting;
use crate::unit::Unit;

/// The measured starts; one before them fills the file cache.
const STARTS: usize = 3;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        first_answer(setting).await?;
        let mut durations = Vec::new();
        for _ in 0..STARTS {
            durations.push(first_answer(setting).await?);
        }
        durations.sort();
        let median = durations.get(STARTS / 2).copied().unwrap_or_default();
        let what = "start to first answer, file cache warm";
        let figure = Figure::new(what, Unit::Seconds, median.as_secs_f64());
        figures.push(figure.at_most(1.0).at_22_m().note(format!(
            "from the process's start to the first GetDegrees, \
             graph and profiles and index opened; median of {STARTS}"
        )));
        Ok(())
    })
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
