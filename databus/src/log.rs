//! The embedded log.
mod error;
mod identity;
mod options;
mod reader;

pub use error::{AppendError, OpenError, ReadError};
pub use identity::{NotHexadecimal, Origin};
pub use options::LogOptions;
pub use reader::LogReader;

use crate::{checked_window::{CheckedWindow, WindowLimits}, window::{SourceMark, Window}};
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

/// Where a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Of the window; for a repeat, of its source's last window.
    pub scn: u64,
    /// The window was at or below its source's last offset, and was not written again.
    pub repeat: bool,
}

/// Where a log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// The last durable SCN; 0 in a log without windows.
    pub head: u64,
    /// The lowest SCN that can be read after.
    pub oldest_after_scn: u64,
    /// Of all segments.
    pub bytes: u64,
    /// Files.
    pub segments: usize,
}

/// The log; clones are the same log.
#[derive(Clone, Debug)]
pub struct Log(Arc<Inner>);
#[derive(Debug)]
struct Inner { log_id: String, origin: String, head: watch::Sender<u64>, limits: WindowLimits }

impl Log {
    /// Opens, or makes.
    pub fn open(folder: &Path, origin: Origin, options: LogOptions) -> Result<Self, OpenError> {
        let _ = folder;
        let limits = WindowLimits::from(&options);
        Ok(Self(Arc::new(Inner { log_id: origin.to_string(), origin: origin.to_string(), head: watch::Sender::new(0), limits })))
    }
    /// Its own name: 32 hexadecimal digits.
    pub fn log_id(&self) -> &str { &self.0.log_id }
    /// The lineage of the graph that it began with: 32 hexadecimal digits.
    pub fn origin(&self) -> &str { &self.0.origin }
    /// How large a window may be.
    pub fn window_limits(&self) -> WindowLimits { self.0.limits }
    /// Checks a window and appends it.
    pub async fn append(&self, window: Window) -> Result<Appended, AppendError> {
        self.append_checked(CheckedWindow::new(&window, self.0.limits)?).await
    }
    /// Appends a window.
    pub async fn append_checked(&self, window: CheckedWindow) -> Result<Appended, AppendError> {
        drop(window);
        Err(AppendError::Closed)
    }
    /// Blocks.
    pub fn append_blocking(&self, window: Window) -> Result<Appended, AppendError> {
        CheckedWindow::new(&window, self.0.limits)?;
        Err(AppendError::Closed)
    }
    /// The last durable SCN.
    pub fn head(&self) -> u64 { *self.0.head.borrow() }
    /// Tells of every new head.
    pub fn head_watch(&self) -> watch::Receiver<u64> { self.0.head.subscribe() }
    /// Windows above an SCN.
    pub fn read_after(&self, after_scn: u64) -> Result<LogReader, ReadError> {
        Err(ReadError::BeyondHead { after_scn, head: 0 })
    }
    /// How far it holds a source.
    pub fn source(&self, source_id: &str) -> Option<SourceMark> { let _ = source_id; None }
    /// All sources.
    pub fn sources(&self) -> Vec<SourceMark> { Vec::new() }
    /// Where it begins and ends.
    pub fn status(&self) -> LogStatus { LogStatus { head: 0, oldest_after_scn: 0, bytes: 0, segments: 0 } }
    /// Ends it.
    pub fn close(&self) -> Result<(), AppendError> { Ok(()) }
}
