//! A log's files, read by somebody who does not own them: no lock is taken and nothing is changed.
//!
//! The process that owns the log may write meanwhile, so only what its files say to be durable is read: segments up to the
//! end that their successor gives them, and the last one up to the highest `durable_to` of its frames. An idle log's last
//! mark covers everything; while windows are written, those of the last moment are not seen yet.

use super::error::{OpenError, ReadError};
use super::frame_reader::FrameReader;
use super::published::{LogStatus, Published};
use super::reader::LogReader;
use super::recovery::Found;
use super::segment::scn_of_name;
use super::sequence::PartHead;
use super::sources::Sources;
use crate::disk::{Disk, ReadOnlyFolder};
use cloud_model::{LineageId, LogId, Scn};
use prost::Message as _;
use std::{collections::VecDeque, io, path::Path, sync::Arc};

/// A log in a folder that another process may own.
#[derive(Debug)]
pub struct LogFiles {
    published: Arc<Published>,
    last: Found,
}

impl LogFiles {
    /// Reads the heads of all segments, and the last one to its durable end.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(ReadOnlyFolder::new(folder)))
    }

    /// As [`open`](Self::open), on any disk.
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

    /// Looks what has become durable since, and what is gone.
    pub fn refresh(&mut self) -> Result<(), OpenError> {
        let disk = Arc::clone(&self.published.disk);
        let names = segment_names(&*disk)?;
        let oldest = names.first().and_then(|name| scn_of_name(name));
        if oldest.is_some_and(|oldest| oldest > self.last.segment.first_scn) {
            // The owner let go of everything that was known here.
            let anew = Self::open_on(disk)?;
            self.published.begin_anew(&anew.published);
            self.last = anew.last;
            return Ok(());
        }
        while let Some(segment) = self.published.oldest_not_needed(Scn::MAX)
            && oldest.is_some_and(|oldest| segment.first_scn < oldest)
        {
            self.published.forget_oldest();
        }
        let known = self.last.segment.first_scn;
        // One that stayed empty may have been made anew under its name.
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

    /// Where it begins and ends, as of the last look.
    pub fn status(&self) -> LogStatus {
        self.published.status()
    }

    /// Durable windows above an SCN, in order, as of the last look and of later ones.
    pub fn read_after(&self, scn: Scn) -> Result<LogReader, ReadError> {
        LogReader::after(&self.published, scn)
    }

    /// Reads on in the last segment, up to what its frames say to be durable.
    fn read_tail(&self) -> Result<(), OpenError> {
        let disk = &*self.published.disk;
        let segment = &self.last.segment;
        let limit = bytes(&self.last, disk)?;
        let mut frames = FrameReader::new(Arc::clone(&self.last.file), segment.seed, segment.end());
        let (mut end, mut head) = (segment.end(), self.published.head());
        let (mut durable_to, mut between_windows) = (end, true);
        // Where windows end that are not known to be durable yet, and the last one's SCN there.
        let mut ends = VecDeque::new();
        let mut last_scn = head;
        // A frame that is none is on its way, or a crash tore it.
        while let Ok(Some(frame)) = frames.next(limit) {
            durable_to = durable_to.max(frame.durable_to);
            if !frame.body.is_empty() {
                let Ok(part) = PartHead::decode(frame.body) else {
                    break;
                };
                between_windows = part.last;
                last_scn = Scn::new(part.scn);
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

/// The names of segments, in order.
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

/// None when the owner let go of it meanwhile.
fn find(disk: &dyn Disk, name: &str) -> Result<Option<Found>, OpenError> {
    match Found::read(disk, name) {
        Ok(found) => Ok(Some(found)),
        Err(OpenError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A segment goes on where another one ends.
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
