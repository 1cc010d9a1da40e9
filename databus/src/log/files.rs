//! Reads the files of a log that another process may own: takes no lock and changes nothing.
//!
//! The owner may write at the same time, so only data that the files show to be durable is read. A
//! segment with a successor is read up to the end that the successor's header states. The last
//! segment is read up to the highest `durable_to` of its frames. The last mark of an idle log
//! covers everything. While windows are written, those of the last moment are not visible yet.

use super::copy::Copied;
use super::error::{OpenError, ReadError};
use super::frame_reader::FrameReader;
use super::published::{LogStatus, Published};
use super::reader::LogReader;
use super::recovery::Found;
use super::segment::scn_of_name;
use super::sequence::PartHead;
use super::sources::Sources;
use crate::disk::{Disk, ReadOnlyFolder};
use cloud_files::{CopyError, FolderCopy};
use cloud_model::{History, LineageId, LogId, LogPoint, Scn};
use prost::Message as _;
use std::{collections::VecDeque, io, path::Path, sync::Arc};

/// A log in a folder that another process may own.
#[derive(Debug)]
pub struct LogFiles {
    published: Arc<Published>,
    last: Found,
}

impl LogFiles {
    /// Reads the headers of all segments, and the last segment to its durable end.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(ReadOnlyFolder::new(folder)))
    }

    /// Opens a log like [`open`](Self::open), on any disk.
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let mut found: Vec<Found> = Vec::new();
        for name in segment_names(&*disk)? {
            let Some(next) = find(&*disk, &name)? else {
                continue;
            };
            if let Some(previous) = found.last() {
                follow(previous, &next, &*disk)?;
            }
            found.push(next);
        }
        let folder = disk.path("");
        let segments = found.iter().map(|found| Arc::clone(&found.segment));
        let segments = segments.collect();
        let last = found.pop().ok_or(OpenError::NoLog { folder })?;
        let log = (last.header.log_id, last.header.origin);
        let sources = last.header.sources.iter().cloned().collect();
        let head = Scn::new(last.header.first_scn - 1);
        let published = Published::new(disk, log, segments, sources, head);
        let files = Self {
            published: Arc::new(published),
            last,
        };
        files.read_tail()?;
        Ok(files)
    }

    /// Finds what has become durable since the last look, and which segments were removed.
    pub fn refresh(&mut self) -> Result<(), OpenError> {
        let disk = Arc::clone(&self.published.disk);
        let names = segment_names(&*disk)?;
        let oldest = names.first().and_then(|name| scn_of_name(name));
        if oldest.is_some_and(|oldest| oldest > self.last.segment.first_scn) {
            // The owner has removed every segment that was known here.
            let reopened = Self::open_on(disk)?;
            self.published.replace_with(&reopened.published);
            self.last = reopened.last;
            return Ok(());
        }
        while let Some(segment) = self.published.oldest_not_needed(Scn::MAX)
            && oldest.is_some_and(|oldest| segment.first_scn < oldest)
        {
            self.published.forget_oldest();
        }
        let known = self.last.segment.first_scn;
        // A segment that stayed empty may have been replaced by another one of the same name.
        let empty = self.last.segment.is_empty();
        let renewed = |scn| scn == known && empty;
        let new = names
            .iter()
            .filter(|name| scn_of_name(name).is_some_and(|scn| scn > known || renewed(scn)));
        for name in new {
            let Some(next) = find(&*disk, name)? else {
                continue;
            };
            if next.segment.seed == self.last.segment.seed {
                continue;
            }
            if next.segment.first_scn > known {
                self.last.bytes = bytes(&self.last, &*disk)?;
                follow(&self.last, &next, &*disk)?;
                let head = Scn::new(next.segment.first_scn - 1);
                self.published.publish(
                    &self.last.segment,
                    self.last.segment.end(),
                    Sources::default(),
                    head,
                );
            }
            self.published.begin(Arc::clone(&next.segment));
            self.last = next;
        }
        self.read_tail()
    }

    /// Returns the log's own name.
    pub fn log_id(&self) -> LogId {
        self.published.log_id
    }

    /// Returns the lineage of the graph that the log began with.
    pub fn origin(&self) -> LineageId {
        self.published.origin
    }

    /// Returns where the log begins and ends, as of the last [`refresh`](Self::refresh).
    pub fn status(&self) -> LogStatus {
        self.published.status()
    }

    /// Copies the log up to its durable end into the folder `below` of a copy, while its owner
    /// writes to it and removes segments.
    ///
    /// # Errors
    /// If a file cannot be read or written, or the copy was stopped.
    pub fn copy_to(&self, copy: &mut FolderCopy<'_>, below: &Path) -> Result<Copied, CopyError> {
        self.published.copy_to(copy, below)
    }

    /// Returns a reader of the durable windows above an SCN, in order. It also sees the windows
    /// that later calls of [`refresh`](Self::refresh) find.
    pub fn read_after(&self, scn: Scn) -> Result<LogReader, ReadError> {
        LogReader::after(&self.published, scn)
    }

    /// Reads on in the last segment, up to the offset that its frames show to be durable.
    fn read_tail(&self) -> Result<(), OpenError> {
        let disk = &*self.published.disk;
        let segment = &self.last.segment;
        let limit = bytes(&self.last, disk)?;
        let mut frames = FrameReader::new(Arc::clone(&self.last.file), segment.seed, segment.end());
        let (mut end, mut head) = (segment.end(), self.published.head());
        let (mut durable_to, mut between_windows) = (end, true);
        // The ends of windows that are not known to be durable yet, each with the last SCN before
        // it.
        let mut ends = VecDeque::new();
        let mut last_scn = head;
        // A frame that is invalid is still being written, or was torn by a crash.
        while let Ok(Some(frame)) = frames.next(limit) {
            durable_to = durable_to.max(frame.durable_to);
            if !frame.body.is_empty() {
                let Ok(part) = PartHead::decode(frame.body) else {
                    break;
                };
                between_windows = part.last;
                last_scn = Scn::new(part.scn);
                if part.last {
                    self.published.histories.note(LogPoint {
                        scn: last_scn,
                        history: History::new(part.history),
                    });
                }
            }
            if between_windows {
                ends.push_back((frames.offset(), last_scn));
            }
            while let Some(whole) = ends.pop_front_if(|(whole, _)| *whole <= durable_to) {
                (end, head) = whole;
            }
        }
        self.published
            .publish(segment, end, Sources::default(), head);
        Ok(())
    }
}

/// Returns the names of the segments, in order.
pub(super) fn segment_names(disk: &dyn Disk) -> Result<Vec<String>, OpenError> {
    let names = disk
        .names()
        .map_err(|source| OpenError::file(disk, "", source))?;
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| scn_of_name(name).is_some())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Reads a segment's header; `None` if the owner has removed the segment meanwhile.
fn find(disk: &dyn Disk, name: &str) -> Result<Option<Found>, OpenError> {
    match Found::read(disk, name) {
        Ok(found) => Ok(Some(found)),
        Err(OpenError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks that a segment continues the previous one. Extends the previous one to the end that the
/// header of its successor states.
fn follow(previous: &Found, next: &Found, disk: &dyn Disk) -> Result<(), OpenError> {
    next.continues(previous, disk)?;
    if let Some(before) = next.header.previous {
        previous.segment.extend_to(before.end);
    }
    Ok(())
}

fn bytes(found: &Found, disk: &dyn Disk) -> Result<u64, OpenError> {
    let bytes = found.file.bytes();
    bytes.map_err(|source| OpenError::file(disk, &found.name, source))
}
