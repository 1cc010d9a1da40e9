//! The windows with the differences.

use cloud_client::{Admin, Window};
use cloud_model::{Scn, SourceMark};
use cloud_proto::databus::v1::{Change, change::Event};
use prost::Message as _;
use tokio::runtime::Runtime;

use crate::reconcile::error::ReconcileError;

/// The changes after which a window ends, and their bytes. Each window becomes visible as a whole,
/// and holds up others for a moment.
const WINDOW_CHANGES_MAX: usize = 100_000;
const WINDOW_BYTES_MAX: usize = 16 << 20;

/// Publishes changes to a log that nothing else publishes to.
pub(super) struct LogWriter<'a> {
    runtime: &'a Runtime,
    admin: Admin,
    /// The database, and the offset of the last window.
    mark: SourceMark,
    /// The log's head.
    head: Scn,
    changes: Vec<Change>,
    bytes: usize,
}

impl<'a> LogWriter<'a> {
    pub(super) fn new(runtime: &'a Runtime, admin: Admin, mark: SourceMark, head: Scn) -> Self {
        Self {
            runtime,
            admin,
            mark,
            head,
            changes: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a change, and publishes a window when there are enough.
    pub(super) fn push(&mut self, event: Event) -> Result<(), ReconcileError> {
        let change = Change {
            skippable: false,
            event: Some(event),
        };
        self.bytes += change.encoded_len();
        self.changes.push(change);
        if self.changes.len() >= WINDOW_CHANGES_MAX || self.bytes >= WINDOW_BYTES_MAX {
            self.publish(0)?;
        }
        Ok(())
    }

    /// Publishes the changes that are left.
    pub(super) fn flush(&mut self) -> Result<(), ReconcileError> {
        match self.changes.is_empty() {
            true => Ok(()),
            false => self.publish(0),
        }
    }

    /// Publishes the empty window with the offset, and returns its SCN.
    pub(super) fn finish(mut self) -> Result<Scn, ReconcileError> {
        self.publish(self.mark.offset)?;
        Ok(self.head)
    }

    fn publish(&mut self, offset: u64) -> Result<(), ReconcileError> {
        self.check_head()?;
        self.bytes = 0;
        let published = self.runtime.block_on(self.admin.publish(Window {
            source_id: self.mark.source_id.clone(),
            source_offset: offset,
            // A connection without a time would have this one.
            commit_time: None,
            changes: std::mem::take(&mut self.changes),
        }))?;
        let scn = Scn::new(published.as_of.scn);
        // The log's last offset may be this one: then the window repeats it.
        if scn != Scn::new(self.head.get() + 1) && !published.repeat {
            return Err(self.other_publisher(scn));
        }
        self.head = scn;
        Ok(())
    }

    /// Checks that nothing else was published since the last window: it may be newer than what is
    /// published next.
    fn check_head(&self) -> Result<(), ReconcileError> {
        let status = self.runtime.block_on(self.admin.status())?;
        let head = Scn::new(status.log_head.unwrap_or_default().scn);
        match head == self.head {
            true => Ok(()),
            false => Err(self.other_publisher(head)),
        }
    }

    fn other_publisher(&self, found: Scn) -> ReconcileError {
        ReconcileError::OtherPublisher {
            expected: self.head,
            found,
        }
    }
}
