//! Shows progress: a bar on a terminal, plain lines elsewhere, nothing for a caller of the library.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use cloud_terminal::{note, stderr_is_terminal};
use indicatif::{ProgressBar, ProgressStyle};

/// The time between two lines of one stage.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The way progress is shown. It goes to standard error, so that standard output holds only the
/// summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress(Shown);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Lines,
    Bar,
}

impl Progress {
    /// Shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Progress(Shown::Nothing)
    }

    /// Shows a bar when standard error is a terminal, and lines otherwise.
    #[must_use]
    pub fn on_standard_error() -> Self {
        Progress(if stderr_is_terminal() {
            Shown::Bar
        } else {
            Shown::Lines
        })
    }

    /// Begins a stage of this many steps.
    pub(super) fn stage(&self, name: &'static str, steps: u64) -> Stage {
        let bar = match self.0 {
            Shown::Bar => ProgressBar::new(steps)
                .with_style(style())
                .with_message(name),
            Shown::Nothing | Shown::Lines => ProgressBar::hidden(),
        };
        let now = Instant::now();
        Stage {
            name,
            steps,
            shown: self.0,
            bar,
            done: Cell::new(0),
            began: now,
            last_line: Cell::new(now),
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:24} {wide_bar} {percent:>3} % {eta:>4}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A stage of the work.
#[derive(Debug)]
pub(super) struct Stage {
    name: &'static str,
    steps: u64,
    shown: Shown,
    bar: ProgressBar,
    done: Cell<u64>,
    began: Instant,
    last_line: Cell<Instant>,
}

impl Stage {
    /// Adds this many completed steps.
    pub(super) fn advance(&self, steps: u64) {
        let done = self.done.get().saturating_add(steps).min(self.steps);
        self.done.set(done);
        self.bar.set_position(done);
        if self.shown == Shown::Lines && self.last_line.get().elapsed() >= LINE_EVERY {
            self.last_line.set(Instant::now());
            let percent = done * 100 / self.steps.max(1);
            note(format_args!("{}: {percent} %", self.name));
        }
    }

    /// Ends the stage as complete.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
        if self.shown != Shown::Nothing {
            let seconds = self.began.elapsed().as_secs_f64();
            note(format_args!("{}: {seconds:.1} s", self.name));
        }
    }
}
