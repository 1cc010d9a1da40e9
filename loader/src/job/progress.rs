//! Shows the progress of a build: as a bar on a terminal, as one line per stage elsewhere.

use std::time::{Duration, Instant};

use cloud_terminal::{note, stderr_is_terminal};
use indicatif::{ProgressBar, ProgressStyle};

/// A stage of a build and its duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// The name of the stage.
    pub name: &'static str,
    /// The duration by the wall clock.
    pub duration: Duration,
}

/// Shows and times the stages.
#[derive(Debug)]
pub(crate) struct Progress {
    stages: Vec<Stage>,
    running: Option<(&'static str, Instant)>,
    bar: ProgressBar,
    not_shown: u64,
    has_lines: bool,
}

impl Progress {
    pub(crate) fn new(shown: bool) -> Self {
        let is_terminal = stderr_is_terminal();
        let bar = if shown && is_terminal {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        Self {
            stages: Vec::new(),
            running: None,
            bar,
            not_shown: 0,
            has_lines: shown && !is_terminal,
        }
    }

    /// Ends the running stage and begins another, with a total of so many bytes or members.
    pub(crate) fn begin(&mut self, name: &'static str, total: u64, unit: Unit) {
        self.end();
        self.running = Some((name, Instant::now()));
        self.not_shown = 0;
        self.bar.reset();
        self.bar.set_length(total);
        self.bar.set_style(unit.style());
        self.bar.set_message(name);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// Adds to the finished part of the stage.
    pub(crate) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// Adds one finished member. The bar, which reads the clock, is updated every 4,096 members.
    pub(crate) fn advance_one(&mut self) {
        self.not_shown += 1;
        if self.not_shown == 4096 {
            let members = std::mem::take(&mut self.not_shown);
            self.advance(members);
        }
    }

    /// Writes a message, with the bar out of its way.
    pub(crate) fn beside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub(crate) fn finish(mut self) -> Vec<Stage> {
        self.end();
        self.bar.finish_and_clear();
        std::mem::take(&mut self.stages)
    }

    fn end(&mut self) {
        if let Some((name, since)) = self.running.take() {
            let duration = since.elapsed();
            self.stages.push(Stage { name, duration });
            if self.has_lines {
                note(format_args!("{name}: {:.2} s", duration.as_secs_f64()));
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The unit in which a stage is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Members,
    /// The size of the stage is not known in advance.
    None,
}

impl Unit {
    fn style(self) -> ProgressStyle {
        let template = match self {
            Self::Bytes => "{msg:28} [{wide_bar}] {bytes}/{total_bytes} {eta}",
            Self::Members => "{msg:28} [{wide_bar}] {human_pos}/{human_len} {eta}",
            Self::None => "{msg:28} {spinner} {elapsed}",
        };
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
    }
}
