//! The log of a server's process on stderr: its format, its level, and its rate.
//!
//! A log line never fails and never waits for long (`cloud_terminal`), and no call site writes more
//! than some lines a second (`rate_limit.rs`). What was left out is counted, and stated later.
//!
//! Imports from no other folder of the crate.

mod rate_limit;

use cloud_terminal::{Stderr, lost_lines, take_lost_lines};
use rate_limit::{RateLimit, STATEMENT, Suppressed};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, layer::SubscriberExt as _, reload,
    util::SubscriberInitExt as _,
};

/// The format of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Readable text.
    Text,
    /// One JSON object a line.
    Json,
}

/// The log of the process, from [`log_to_stderr`].
#[derive(Debug)]
pub struct ProcessLog {
    filter: reload::Handle<EnvFilter, Registry>,
    rate_limit: RateLimit,
}

/// Checks that a filter of the log can be parsed. The error says what is wrong with it.
pub fn check_log_level(level: &str) -> Result<(), String> {
    let parsed = EnvFilter::builder().parse(level);
    parsed
        .map(drop)
        .map_err(|error| format!("`{level}` is not a log filter: {error}"))
}

/// Writes the log of the process to stderr from now on, as far as the filter allows.
#[must_use]
pub fn log_to_stderr(format: LogFormat, level: &str) -> ProcessLog {
    let (filter, handle) = reload::Layer::new(EnvFilter::new(level));
    let rate_limit = RateLimit::default();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Stderr)
        .log_internal_errors(false);
    let lines = match format {
        // Colours are control characters, which no line holds.
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(rate_limit.clone())
        .with(lines)
        .init();
    ProcessLog {
        filter: handle,
        rate_limit,
    }
}

impl ProcessLog {
    /// Sets the filter of the log.
    ///
    /// # Errors
    /// If the filter cannot be parsed; the one before stays.
    pub fn set_level(&self, level: &str) -> Result<(), String> {
        check_log_level(level)?;
        let set = self.filter.reload(EnvFilter::new(level));
        set.map_err(|error| error.to_string())
    }

    /// States how many lines were left out in intervals that have ended; with `is_end`, also in the
    /// running ones.
    pub fn state_left_out(&self, is_end: bool) {
        for Suppressed { lines, site } in self.rate_limit.take(is_end) {
            tracing::warn!(
                target: STATEMENT,
                lines,
                line_level = %site.level(),
                module = site.target(),
                call_site = site.name(),
                "lines were left out: this call site writes too many"
            );
        }
        if lost_lines() > 0 {
            let lines = take_lost_lines();
            tracing::warn!(target: STATEMENT, lines, "lines could not be written to stderr");
        }
    }
}
