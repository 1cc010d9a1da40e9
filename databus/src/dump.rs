//! `databus dump`: prints a log's windows for people and scripts, counts them, or checks the files.
//!
//! The log may belong to a running process: nothing is locked or changed, and only durable windows
//! are printed.

mod count;

use crate::{LogFiles, OpenError, ReadError, Verified, verify};
use cloud_model::Scn;
use cloud_profile::part_lines;
use cloud_terminal::{has_reader, unless_reader_is_gone, visible};
use count::Counts;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
    thread::sleep,
    time::Duration,
};

/// The interval between two polls for new windows. The log's owner does not know of this reader,
/// and cannot notify it.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// The options of `databus dump`.
#[derive(Debug, clap::Args)]
pub struct Dump {
    /// The folder of the log. Another process may own it: nothing is locked or changed, and only
    /// durable windows are printed.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Begin with the first window above this SCN; by default with the oldest one.
    #[arg(long, value_name = "SCN", conflicts_with = "verify")]
    pub after_scn: Option<u64>,
    /// Print JSON objects, one a line.
    #[arg(long)]
    pub json: bool,
    /// Check every frame instead of printing windows, and name the file and offset of each fault.
    #[arg(long)]
    pub verify: bool,
    /// Count the windows, and their changes by kind, instead of printing them.
    #[arg(long, conflicts_with = "verify")]
    pub count: bool,
    /// Keep printing windows as they become durable, until interrupted.
    #[arg(long, conflicts_with_all = ["verify", "count"])]
    pub follow: bool,
}

/// The reason why nothing, or nothing more, could be printed.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The log's files cannot be opened as a log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log cannot be read from the given SCN, or not any further.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output could not be written.
    #[error("stdout: {0}")]
    Print(#[from] io::Error),
    /// The check found faults in the log.
    #[error("{faults} faults")]
    Faults {
        /// The number of faults that were printed.
        faults: usize,
    },
}

impl Dump {
    /// Prints the windows, the counts or the faults of the log, as the options say.
    ///
    /// # Errors
    /// Returns the first error. With [`verify`](Self::verify), all faults are printed before the
    /// error is returned.
    pub fn run(&self, out: &mut impl Write) -> Result<(), DumpError> {
        if self.verify {
            return self.print_verified(&verify(&self.folder)?, out);
        }
        let mut files = LogFiles::open(&self.folder)?;
        let oldest = files.status().oldest_after_scn;
        let mut reader = files.read_after(self.after_scn.map_or(oldest, Scn::new))?;
        let mut counts = Counts::default();
        loop {
            if self.count {
                while let Some(window) = reader.next_window()? {
                    counts.add(&window);
                }
            } else {
                while let Some(part) = reader.next_part()? {
                    let (text, json) = part_lines(part);
                    self.print(&text, &json, out)?;
                }
            }
            if !self.follow || !has_reader() {
                break;
            }
            out.flush()?;
            sleep(FOLLOW_INTERVAL);
            files.refresh()?;
        }
        if self.count {
            let (text, json) = counts.lines(&files);
            self.print(&text, &json, out)?;
        }
        Ok(out.flush()?)
    }

    fn print_verified(&self, verified: &Verified, out: &mut impl Write) -> Result<(), DumpError> {
        let Verified {
            segments,
            frames,
            windows,
            undurable_bytes,
            faults,
        } = verified;
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let mut text: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        text += &format!("{segments} segments, {frames} good frames, {windows} whole windows\n");
        if *undurable_bytes > 0 {
            text += &format!("{undurable_bytes} bytes behind the last window are not durable\n");
        }
        let json = json!({
            "segments": segments,
            "frames": frames,
            "windows": windows,
            "undurable_bytes": undurable_bytes,
            "faults": faults,
        });
        let printed = self.print(&text, &json, out).and_then(|()| out.flush());
        // The exit code states the faults, whether or not someone reads them.
        unless_reader_is_gone(printed)?;
        match faults.len() {
            0 => Ok(()),
            faults => Err(DumpError::Faults { faults }),
        }
    }

    fn print(&self, text: &str, json: &Value, out: &mut impl Write) -> io::Result<()> {
        let printed = if self.json {
            format!("{json}\n")
        } else {
            text.to_owned()
        };
        out.write_all(visible(&printed).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_the_log_are_printed_visibly() {
        let json = json!({ "name": "\u{1b}[2J\u{9b}2J\u{202e}" });
        // JSON itself escapes the first of them only.
        let shown = r#"{"name":"\u001b[2J\u009b2J\u202e"}"#;
        for is_json in [true, false] {
            let dump = Dump {
                folder: PathBuf::new(),
                after_scn: None,
                json: is_json,
                verify: false,
                count: false,
                follow: false,
            };
            let mut out = Vec::new();
            dump.print(&format!("{json}\n"), &json, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{shown}\n"));
        }
    }
}
