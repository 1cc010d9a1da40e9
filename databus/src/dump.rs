//! `databus dump`: a log's windows for people and scripts, counted or checked.
//!
//! The log may belong to a process that runs: nothing is locked or changed, and only what is durable is read.

mod count;

use crate::{LogFiles, OpenError, ReadError, Verified, verify};
use cloud_model::Scn;
use cloud_profile::part_lines;
use count::Counts;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
    thread::sleep,
    time::Duration,
};

/// Between two looks for more: the owner of the log does not know of this reader.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// What to print of which log.
#[derive(Debug, clap::Args)]
pub struct Dump {
    /// The folder of the log. Another process may own it: nothing is locked or changed, only what is durable is read.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Windows above this SCN; from the oldest one when it is not given.
    #[arg(long, value_name = "SCN", conflicts_with = "verify")]
    pub after_scn: Option<u64>,
    /// Objects of JSON, one a line.
    #[arg(long)]
    pub json: bool,
    /// Do not print windows: check every frame, and name the file and offset of what is wrong.
    #[arg(long)]
    pub verify: bool,
    /// Do not print windows: count them, and their changes by kind.
    #[arg(long, conflicts_with = "verify")]
    pub count: bool,
    /// Go on printing as windows become durable, until interrupted.
    #[arg(long, conflicts_with_all = ["verify", "count"])]
    pub follow: bool,
}

/// Nothing, or no more, could be printed.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The log's files do not make a log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log cannot be read from there, or not on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Whoever reads what is printed does not.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    /// The log was checked, and is not whole.
    #[error("{faults} faults")]
    Faults {
        /// How many were printed.
        faults: usize,
    },
}

impl Dump {
    /// Prints what is asked for.
    ///
    /// # Errors
    /// At the first fault of the log; when it is only checked, after all of them.
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
            if !self.follow {
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
        self.print(&text, &json, out)?;
        out.flush()?;
        match faults.len() {
            0 => Ok(()),
            faults => Err(DumpError::Faults { faults }),
        }
    }

    fn print(&self, text: &str, json: &Value, out: &mut impl Write) -> io::Result<()> {
        if self.json {
            writeln!(out, "{json}")
        } else {
            out.write_all(text.as_bytes())
        }
    }
}
