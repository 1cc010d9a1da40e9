//! The table that a run prints: one figure a row, beside its target.
//!
//! Targets are set for the project's reference machine (2 cores). Many of them are for a site of 22
//! M members and 120 M connections. Those say so, and only a site of that size can meet or miss
//! them.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{outcome::Outcome, unit::Unit};

/// The width of the first column; longer texts take several lines.
const WHAT_WIDTH: usize = 66;
/// The width of notes below their rows.
const NOTE_WIDTH: usize = 106;
/// The least members of a site to which targets `at 22 M` apply.
const FULL_SIZE_MEMBERS: u64 = 22_000_000;

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    what: String,
    unit: Unit,
    target: Option<Target>,
    outcome: FigureOutcome,
    note: String,
}

#[derive(Clone, Debug, PartialEq)]
enum FigureOutcome {
    Measured(f64),
    NotBuilt,
    Skipped,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    bound: Bound,
    at_22_m: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    /// Starts a row with a value in the unit's base (seconds, bytes, changes per second, ...).
    pub fn new(what: impl Into<String>, unit: Unit, measured: f64) -> Self {
        let (what, outcome) = (what.into(), FigureOutcome::Measured(measured));
        Self {
            what,
            unit,
            target: None,
            outcome,
            note: String::new(),
        }
    }

    /// Starts a row whose subject does not exist yet.
    pub fn not_built(what: impl Into<String>) -> Self {
        Self {
            outcome: FigureOutcome::NotBuilt,
            ..Self::new(what, Unit::Times, 0.0)
        }
    }

    fn skipped(what: impl Into<String>, why: &str) -> Self {
        Self {
            outcome: FigureOutcome::Skipped,
            note: why.to_owned(),
            ..Self::new(what, Unit::Times, 0.0)
        }
    }

    fn failed(what: impl Into<String>, why: String) -> Self {
        Self {
            outcome: FigureOutcome::Failed,
            note: why,
            ..Self::new(what, Unit::Times, 0.0)
        }
    }

    /// Sets an upper bound as the target.
    #[must_use]
    pub fn at_most(mut self, bound: f64) -> Self {
        self.target = Some(Target {
            bound: Bound::AtMost(bound),
            at_22_m: false,
        });
        self
    }

    /// Sets a lower bound as the target.
    #[must_use]
    pub fn at_least(mut self, bound: f64) -> Self {
        self.target = Some(Target {
            bound: Bound::AtLeast(bound),
            at_22_m: false,
        });
        self
    }

    /// Limits the target to a site of 22 M members and 120 M connections.
    #[must_use]
    pub fn at_22_m(mut self) -> Self {
        self.target = self.target.map(|target| Target {
            at_22_m: true,
            ..target
        });
        self
    }

    /// Adds a note on how the value was measured, where that is not plain.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn target_text(&self) -> String {
        let Some(Target { bound, at_22_m }) = self.target else {
            return String::new();
        };
        let (sign, bound) = match bound {
            Bound::AtMost(bound) => ("<=", bound),
            Bound::AtLeast(bound) => (">=", bound),
        };
        format!(
            "{sign} {}{}",
            self.unit.show(bound),
            if at_22_m { " at 22 M" } else { "" }
        )
    }

    fn measured_text(&self) -> String {
        match self.outcome {
            FigureOutcome::Measured(measured) => self.unit.show(measured),
            FigureOutcome::NotBuilt => "not built".to_owned(),
            FigureOutcome::Skipped => "skipped".to_owned(),
            FigureOutcome::Failed => "FAILED".to_owned(),
        }
    }

    /// Returns whether the target is met. `None` without a target that a site of this size can
    /// meet.
    fn is_met(&self, is_full_size: bool) -> Option<bool> {
        let FigureOutcome::Measured(measured) = self.outcome else {
            return None;
        };
        let target = self
            .target
            .filter(|target| is_full_size || !target.at_22_m)?;
        Some(match target.bound {
            Bound::AtMost(bound) => measured <= bound,
            Bound::AtLeast(bound) => measured >= bound,
        })
    }

    fn verdict(&self, is_full_size: bool) -> &'static str {
        match self.is_met(is_full_size) {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }

    fn to_json(&self, section: &str, is_full_size: bool) -> Value {
        let bound =
            |wanted: fn(Bound) -> Option<f64>| self.target.and_then(|target| wanted(target.bound));
        let (measured, outcome) = match self.outcome {
            FigureOutcome::Measured(measured) => (Some(measured), "measured"),
            FigureOutcome::NotBuilt => (None, "not built"),
            FigureOutcome::Skipped => (None, "skipped"),
            FigureOutcome::Failed => (None, "failed"),
        };
        json!({
            "section": section,
            "what": self.what,
            "outcome": outcome,
            "unit": self.unit.name(),
            "measured": measured,
            "at_most": bound(|bound| match bound {
                Bound::AtMost(bound) => Some(bound),
                Bound::AtLeast(_) => None,
            }),
            "at_least": bound(|bound| match bound {
                Bound::AtLeast(bound) => Some(bound),
                Bound::AtMost(_) => None,
            }),
            "target_at_22_m": self.target.is_some_and(|target| target.at_22_m),
            "is_met": self.is_met(is_full_size),
            "note": self.note,
        })
    }
}

/// All rows of a run, in sections.
#[derive(Clone, Debug)]
pub struct Figures {
    is_full_size: bool,
    sections: Vec<(String, Vec<Figure>)>,
    durations: Vec<(String, Duration)>,
}

impl Figures {
    /// Starts an empty table for a site of this number of members.
    pub fn of_site(members: u64) -> Self {
        Self {
            is_full_size: members >= FULL_SIZE_MEMBERS,
            sections: Vec::new(),
            durations: Vec::new(),
        }
    }

    /// Starts a section with this heading. The heading of the last section continues it.
    pub fn section(&mut self, heading: &str) {
        if self.sections.last().is_none_or(|(last, _)| last != heading) {
            self.sections.push((heading.to_owned(), Vec::new()));
        }
    }

    /// Adds a row, and prints it at once to stderr.
    pub fn push(&mut self, figure: Figure) {
        eprintln!("    {}: {}", figure.what, figure.measured_text());
        if self.sections.is_empty() {
            self.section("Figures");
        }
        if let Some((_, rows)) = self.sections.last_mut() {
            rows.push(figure);
        }
    }

    /// Adds the row of a group that failed.
    pub fn push_failure(&mut self, group: &str, why: String) {
        eprintln!("    {why}");
        self.push(Figure::failed(format!("the group `{group}`"), why));
    }

    /// Adds the row of a group that this site has no data for.
    pub fn push_skipped(&mut self, group: &str, why: &str) {
        self.push(Figure::skipped(format!("the group `{group}`"), why));
    }

    /// Records the duration of a group, including the generation of its data.
    pub fn took(&mut self, group: &str, duration: Duration) {
        eprintln!("    {group} took {:.0} s", duration.as_secs_f64());
        self.durations.push((group.to_owned(), duration));
    }

    /// Returns whether every row was measured, or named as not built.
    pub fn is_complete(&self) -> bool {
        self.rows()
            .all(|(_, row)| row.outcome != FigureOutcome::Failed)
    }

    /// Formats the table for a terminal, with the number of targets met and the duration of each
    /// group below.
    pub fn to_table(&self) -> String {
        let column = |text: fn(&Figure) -> String| {
            self.rows().map(|(_, row)| text(row).chars().count()).max()
        };
        let measured_width = column(Figure::measured_text).unwrap_or(0);
        let target_width = column(Figure::target_text).unwrap_or(0);
        let mut table = String::new();
        for (heading, rows) in &self.sections {
            let _ = writeln!(table, "\n{heading}\n");
            for row in rows {
                let mut what = wrapped(&row.what, WHAT_WIDTH);
                let last = what.pop().unwrap_or_default();
                what.iter()
                    .for_each(|line| table.push_str(&format!("  {line}\n")));
                let line = format!(
                    "  {last:WHAT_WIDTH$}  {:>measured_width$}  {:target_width$}  {}",
                    row.measured_text(),
                    row.target_text(),
                    row.verdict(self.is_full_size),
                );
                let _ = writeln!(table, "{}", line.trim_end());
                for line in wrapped(&row.note, NOTE_WIDTH) {
                    let _ = writeln!(table, "      {line}");
                }
            }
        }
        let verdicts: Vec<bool> = self
            .rows()
            .filter_map(|(_, row)| row.is_met(self.is_full_size))
            .collect();
        let met = verdicts.iter().filter(|&&is_met| is_met).count();
        let _ = writeln!(table, "\n{met} of {} targets met", verdicts.len());
        let durations: Vec<String> = self
            .durations
            .iter()
            .map(|(group, duration)| format!("{group} {:.0} s", duration.as_secs_f64()))
            .collect();
        for line in wrapped(&durations.join(", "), NOTE_WIDTH) {
            let _ = writeln!(table, "{line}");
        }
        table
    }

    /// Writes all rows to a file, as one JSON array.
    pub fn write_json(&self, path: &Path) -> Outcome<()> {
        let rows: Vec<Value> = self
            .rows()
            .map(|(section, row)| row.to_json(section, self.is_full_size))
            .collect();
        fs::write(path, serde_json::to_string_pretty(&rows)?)?;
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.sections
            .iter()
            .flat_map(|(heading, rows)| rows.iter().map(move |row| (heading.as_str(), row)))
    }
}

/// Wraps a text to lines of at most this width, if its words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names_what_is_met_missed_and_not_built() {
        for (members, batches, rate, met) in [
            (2_000_000, "", "", "1 of 1 targets met"),
            (22_000_000, " MISSED", " met", "2 of 3 targets met"),
        ] {
            check(members, batches, rate, met);
        }
    }

    fn check(members: u64, batches: &str, rate: &str, met: &str) {
        let mut figures = Figures::of_site(members);
        figures.section("The graph");
        figures.push(
            Figure::new("view", Unit::Seconds, 43e-6)
                .at_most(150e-6)
                .note("median"),
        );
        figures.push(
            Figure::new("batches", Unit::PerSecond, 900.0)
                .at_least(16e3)
                .at_22_m(),
        );
        figures.push(
            Figure::new("rate", Unit::PerSecond, 17_000.0)
                .at_least(16e3)
                .at_22_m(),
        );
        figures.push(Figure::not_built("facets"));
        figures.push_skipped("search", "no people");
        figures.took("views", Duration::from_millis(2_400));
        assert!(figures.is_complete());
        let table = figures.to_table();
        let row = |what: &str| {
            table
                .lines()
                .find(|line| line.trim_start().starts_with(what))
        };
        let words =
            |what| row(what).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        for (what, wanted) in [
            ("The graph", "The graph"),
            ("view", "view 43.0 us <= 150 us met"),
            ("median", "median"),
            (
                "batches",
                &format!("batches 900/s >= 16,000/s at 22 M{batches}"),
            ),
            ("rate", &format!("rate 17,000/s >= 16,000/s at 22 M{rate}")),
            ("facets", "facets not built"),
            ("the group `search`", "the group `search` skipped"),
            (met, met),
            ("views 2 s", "views 2 s"),
        ] {
            assert_eq!(words(what).as_deref(), Some(wanted), "{table}");
        }
        figures.push_failure("sizes", "no answer".to_owned());
        assert!(!figures.is_complete());
    }
}
