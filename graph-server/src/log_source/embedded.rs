//! The embedded log: this process owns it and reads its windows from the log's files.

use super::{LogSource, LogSourceError, Next, OutOfReach, Windows, error::at_source_offsets};
use crate::limits::{LOG_RETRY_INTERVAL, Limits};
use cloud_engine::{Manifest, StandsAt};
use cloud_model::{LineageId, LogId, LogPoint, Scn};
use databus::{Log, LogOptions, LogReader, LoggedWindow, ReadError};
use std::{path::Path, time::Instant};
use tokio::{runtime::Handle, sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

/// A log that this process owns. The runtime is used to wait for its head.
pub(crate) struct EmbeddedLog {
    log: Log,
    runtime: Handle,
}

impl EmbeddedLog {
    /// Opens the log in a folder, or creates it as the snapshot's manifest requires.
    pub(crate) fn open(
        folder: &Path,
        manifest: &Manifest,
        limits: &Limits,
        runtime: Handle,
    ) -> Result<Self, LogSourceError> {
        let options = LogOptions {
            queue_windows_max: limits.streams().log_queue_windows_max(),
            segment_bytes: limits.log_segment_bytes,
            ..LogOptions::default()
        };
        if let StandsAt::AtSourceOffsets { offsets } = &manifest.stands_at {
            return Err(at_source_offsets(offsets));
        }
        let options = options.continuing(manifest);
        let log = Log::open(folder, manifest.lineage_id, options)?;
        Ok(Self { log, runtime })
    }
}

impl LogSource for EmbeddedLog {
    fn log_id(&self) -> LogId {
        self.log.log_id()
    }

    fn head(&self) -> Scn {
        self.log.head()
    }

    fn head_point(&self) -> LogPoint {
        self.log.head_point()
    }

    fn oldest_after_scn(&self) -> Option<Scn> {
        Some(self.log.status().oldest_after_scn)
    }

    fn is_head_known(&self) -> bool {
        true
    }

    fn lineage_id(&self) -> Option<LineageId> {
        Some(self.log.origin())
    }

    fn owner(&self) -> Option<&str> {
        None
    }

    fn windows_after(&self, after: LogPoint, _: Scn) -> Result<Box<dyn Windows>, LogSourceError> {
        let reader = self.log.read_after(after.scn)?;
        if reader.point().differs(&after) {
            return Err(LogSourceError::other_history("this server", after));
        }
        Ok(Box::new(EmbeddedWindows {
            reader,
            log: self.log.clone(),
            head: self.log.head_watch(),
            runtime: self.runtime.clone(),
            caught_up: false,
            is_short: false,
        }))
    }

    fn owned(&self) -> Option<&Log> {
        Some(&self.log)
    }
}

/// The windows, read from the log's files.
struct EmbeddedWindows {
    log: Log,
    reader: LogReader,
    head: watch::Receiver<Scn>,
    runtime: Handle,
    caught_up: bool,
    /// Whether the last attempt failed for a shortage of the system.
    is_short: bool,
}

impl Windows for EmbeddedWindows {
    fn next(&mut self, stop: &CancellationToken) -> Result<Next, LogSourceError> {
        while !stop.is_cancelled() {
            if self.is_short {
                self.pause(stop);
            }
            match self.read().map_err(LogSourceError::from) {
                Ok(Some(window)) => {
                    self.is_short = false;
                    return Ok(Next::Window(window));
                }
                Ok(None) if std::mem::replace(&mut self.is_short, false) => {
                    return Ok(Next::InReach);
                }
                Ok(None) => {}
                Err(error) if error.is_shortage() && self.is_short => continue,
                Err(error) if error.is_shortage() => {
                    self.is_short = true;
                    return Ok(Next::OutOfReach(OutOfReach {
                        reason: error.to_string().into(),
                        since: Instant::now(),
                    }));
                }
                Err(error) => return Err(error),
            }
            if !std::mem::replace(&mut self.caught_up, true) {
                return Ok(Next::CaughtUp);
            }
            let changed = stop.run_until_cancelled(self.head.changed());
            if !matches!(self.runtime.block_on(changed), Some(Ok(()))) {
                break;
            }
        }
        Ok(Next::End)
    }
}

impl EmbeddedWindows {
    /// Reads the next window. After a shortage, a new reader begins after the last whole window.
    fn read(&mut self) -> Result<Option<LoggedWindow>, ReadError> {
        if self.is_short {
            self.reader = self.log.read_after(self.reader.after_scn())?;
        }
        self.reader.next_window()
    }

    fn pause(&self, stop: &CancellationToken) {
        // A timer can only be made within the runtime, so it is made there.
        self.runtime.block_on(async {
            stop.run_until_cancelled(sleep(LOG_RETRY_INTERVAL)).await;
        });
    }
}
