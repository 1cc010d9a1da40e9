//! The windows that one sync makes durable, from the first that joins to the answers to all of them.

use super::error::AppendError;
use super::segment::Segment;
use super::sequence::PartPlace;
use super::sources::Sources;
use super::sparse_index::IndexEntry;
use crate::checked_window::CheckedWindow;
use cloud_model::Scn;
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
    /// True if the window was at or below its source's last offset, and was not written again.
    pub repeat: bool,
}

/// A window that waits for the writer, and who waits for it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) window: CheckedWindow,
    pub(crate) answer: Answer,
}

/// Who waits for a window.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) sender: oneshot::Sender<Result<Appended, AppendError>>,
    /// Shared by a pipeline's windows: one of them was refused.
    pub(crate) broken: Arc<AtomicBool>,
}

impl Answer {
    /// Whether an earlier window of the pipeline was refused. Only the writer asks, and only it refuses.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// A caller that has gone away does not need to know.
    pub(crate) fn acknowledge(self, appended: Appended) {
        drop(self.sender.send(Ok(appended)));
    }

    /// Later windows of the pipeline are refused too.
    pub(crate) fn refuse(self, error: AppendError) {
        self.broken.store(true, Ordering::Relaxed);
        drop(self.sender.send(Err(error)));
    }
}

/// Windows that are written and not yet durable.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Frames that are not yet written.
    pub(crate) buffer: Vec<u8>,
    /// Written frames' bytes, the buffer's included.
    pub(crate) bytes: u64,
    /// Windows in it.
    pub(crate) windows: u64,
    /// The last windows of the sources in it.
    pub(crate) sources: Sources,
    entries: Vec<IndexEntry>,
    waiting: Vec<(Answer, Appended)>,
}

impl Group {
    /// A window's first frame stands at an offset.
    pub(crate) fn note(&mut self, scn: u64, offset: u64) {
        self.entries.extend(
            PartPlace {
                scn,
                part: 0,
                last: false,
            }
            .entry(offset),
        );
    }

    /// A caller waits for the group.
    pub(crate) fn wait(&mut self, answer: Answer, appended: Appended) {
        self.waiting.push((answer, appended));
    }

    /// The group is durable: its segment's readers find the windows.
    pub(crate) fn note_in(&mut self, segment: &Segment) {
        for entry in self.entries.drain(..) {
            segment.note(entry);
        }
    }

    /// Tells everybody where their windows stand.
    pub(crate) fn acknowledge(self) {
        for (answer, appended) in self.waiting {
            answer.acknowledge(appended);
        }
    }

    /// Tells everybody why their windows are not durable.
    pub(crate) fn refuse(self, error: &AppendError) {
        for (answer, _) in self.waiting {
            answer.refuse(error.clone());
        }
    }
}
