//! One run of the loader's binary: its duration, its stages, and its peak memory.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{binaries::binary, memory::wait_for_peak, outcome::Outcome};

/// A run that succeeded.
#[derive(Clone, Debug)]
pub struct LoaderRun {
    /// The time from its start to its end.
    pub duration: Duration,
    /// The peak of resident memory, mapped files included.
    pub peak_bytes: u64,
    /// The stages that it printed: name and seconds.
    pub stages: Vec<(String, f64)>,
}

impl LoaderRun {
    /// Runs `loader COMMAND ARGUMENTS..`. The error holds its output.
    pub fn of(command: &str, arguments: impl IntoIterator<Item = String>) -> Outcome<Self> {
        let mut printed = tempfile::tempfile()?;
        let start = Instant::now();
        let mut process = Command::new(binary("loader")?)
            .arg(command)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(printed.try_clone()?)
            .stderr(printed.try_clone()?)
            .spawn()?;
        let peak_bytes = wait_for_peak(&mut process)?;
        let (status, duration) = (process.wait()?, start.elapsed());
        let text = read(&mut printed)?;
        if !status.success() {
            return Err(format!("loader {command} ended with {status}: {text}").into());
        }
        Ok(Self {
            duration,
            peak_bytes,
            stages: text.lines().filter_map(stage).collect(),
        })
    }

    /// Returns the seconds of all stages whose name has this word, or an error when there are none.
    pub fn stage_seconds(&self, word: &str) -> Outcome<f64> {
        let seconds: Vec<f64> = self
            .stages
            .iter()
            .filter(|(name, _)| name.contains(word))
            .map(|&(_, seconds)| seconds)
            .collect();
        if seconds.is_empty() {
            return Err(format!(
                "the loader printed no stage with {word:?}, but {:?}",
                self.stages
            )
            .into());
        }
        Ok(seconds.iter().sum())
    }

    /// Formats the stages on one line.
    pub fn stages_text(&self) -> String {
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds:.2} s"))
            .collect();
        stages.join(", ")
    }
}

fn read(file: &mut File) -> Outcome<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Parses a line `seconds  SECONDS NAME` of the summary.
fn stage(line: &str) -> Option<(String, f64)> {
    let (seconds, name) = line.strip_prefix("seconds ")?.trim().split_once(' ')?;
    Some((name.to_owned(), seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_from_their_lines() {
        let stages = [
            (
                "seconds      1.250 read members",
                Some(("read members".to_owned(), 1.25)),
            ),
            ("members      2000000", None),
        ];
        for (line, wanted) in stages {
            assert_eq!(stage(line), wanted);
        }
    }
}
