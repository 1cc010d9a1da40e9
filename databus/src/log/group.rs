//! A group: the windows that one sync makes durable, and the answers to their callers.

use super::error::AppendError;
use super::segment::Segment;
use super::sequence::PartPlace;
use super::sources::Sources;
use super::sparse_index::IndexEntry;
use crate::checked_window::CheckedWindow;
use cloud_model::{History, LogPoint, Scn};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::oneshot;

/// The place of a window in the log, once it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The SCN of the window; for a repeat, the SCN of its source's last window.
    pub scn: Scn,
    /// The history there; `None` if it is not known: for a repeat of a window that is no longer
    /// among the newest.
    pub history: Option<History>,
    /// True if the window was at or below its source's last offset, and was not written again.
    pub repeat: bool,
}

impl Appended {
    /// Returns the place of a window that was written.
    pub(crate) fn new(point: LogPoint) -> Self {
        Self {
            scn: point.scn,
            history: point.history,
            repeat: false,
        }
    }

    /// Returns the place of a source's last window, for a repeat.
    pub(crate) fn repeat(point: LogPoint) -> Self {
        Self {
            repeat: true,
            ..Self::new(point)
        }
    }

    /// Returns the point in the log.
    #[must_use]
    pub fn point(&self) -> LogPoint {
        LogPoint {
            scn: self.scn,
            history: self.history,
        }
    }
}

/// A window in the writer's queue, and the way to answer its caller.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) window: CheckedWindow,
    pub(crate) answer: Answer,
}

/// The way to answer the caller that waits for a window.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) sender: oneshot::Sender<Result<Appended, AppendError>>,
    /// True once a window of the pipeline was rejected. The pipeline's windows share this flag.
    pub(crate) broken: Arc<AtomicBool>,
}

impl Answer {
    /// Returns whether an earlier window of the pipeline was rejected. Only the writer reads and
    /// sets this flag.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Answers that the window is durable. A caller that has gone away is ignored.
    pub(crate) fn acknowledge(self, appended: Appended) {
        drop(self.sender.send(Ok(appended)));
    }

    /// Answers with an error. Later windows of the pipeline are then rejected too.
    pub(crate) fn refuse(self, error: AppendError) {
        self.broken.store(true, Ordering::Relaxed);
        drop(self.sender.send(Err(error)));
    }
}

/// Windows that are written and not yet durable.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The frames that are not written yet.
    pub(crate) buffer: Vec<u8>,
    /// The size of all frames of the group, including the buffer.
    pub(crate) bytes: u64,
    /// The last window of each source in the group.
    pub(crate) sources: Sources,
    /// The points of the group's windows, in order.
    pub(crate) points: Vec<LogPoint>,
    entries: Vec<IndexEntry>,
    waiting: Vec<(Answer, Appended)>,
}

impl Group {
    /// Records the offset of a window's first frame.
    pub(crate) fn note(&mut self, scn: u64, offset: u64) {
        self.entries.extend(PartPlace::first_of(scn).entry(offset));
    }

    /// Adds a caller that waits for the group.
    pub(crate) fn wait(&mut self, answer: Answer, appended: Appended) {
        self.waiting.push((answer, appended));
    }

    /// Adds the windows of a durable group to the index of their segment, where readers find them.
    pub(crate) fn note_in(&mut self, segment: &Segment) {
        for entry in self.entries.drain(..) {
            segment.note(entry);
        }
    }

    /// Answers each caller with the place of its window.
    pub(crate) fn acknowledge(self) {
        for (answer, appended) in self.waiting {
            answer.acknowledge(appended);
        }
    }

    /// Answers each caller with the reason why its window is not durable.
    pub(crate) fn refuse(self, error: &AppendError) {
        for (answer, _) in self.waiting {
            answer.refuse(error.clone());
        }
    }
}
