//! One bare `fdatasync` of a file system, measured in the same run. No durable write can be faster.

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use crate::outcome::Outcome;

/// The bytes of a small frame of a log.
const FRAME_BYTES: usize = 256;

/// A file that grows by small frames, each synced, as a log does.
#[derive(Debug)]
pub struct BareSync {
    file: File,
}

impl BareSync {
    /// Creates a file in a folder of the file system.
    pub fn new(folder: &Path) -> Outcome<Self> {
        Ok(Self {
            file: File::create(folder.join("bare-sync"))?,
        })
    }

    /// Appends a frame and syncs it.
    pub fn sync(&mut self) -> Outcome<Duration> {
        let start = Instant::now();
        self.file.write_all(&[0; FRAME_BYTES])?;
        self.file.sync_data()?;
        Ok(start.elapsed())
    }
}
