//! Reads a log's windows in order, from any SCN that is kept to the durable head, and on as it
//! advances.
//!
//! Each frame's checksum and each part's place are checked as they are read. A reader returns what
//! was written, or an error that names the file and the offset.

use super::error::ReadError;
use super::frame_reader::{FrameError, FrameReader};
use super::published::Published;
use super::segment::Segment;
use super::sequence::{PartHead, PartPlace, Sequence};
use crate::window::{LoggedWindow, Window};
use cloud_model::{History, LogPoint, Scn};
use cloud_profile::{Change, InvalidValue, check_kind};
use cloud_proto::databus::v1::WindowPart;
use prost::Message;
use std::sync::Arc;

/// A part of a window with typed changes.
struct TypedPart {
    /// The part without its changes.
    head: WindowPart,
    changes: Vec<Change>,
}

/// A position in a log. Reads block on the disk, never on the writer.
#[derive(Debug)]
pub struct LogReader {
    published: Arc<Published>,
    segment: Arc<Segment>,
    frames: FrameReader,
    sequence: Sequence,
}

impl LogReader {
    pub(crate) fn after(published: &Arc<Published>, after_scn: Scn) -> Result<Self, ReadError> {
        let segment = published.segment_after_scn(after_scn)?;
        // The window at `after_scn` is read too, for its history, unless the segment begins behind
        // it.
        let entry = segment.at_or_before(after_scn.get());
        let before = segment.history_before();
        let before = before.filter(|_| entry.scn == segment.first_scn);
        let mut reader = Self {
            frames: open_frames(published, &segment, entry.offset, after_scn)?,
            published: Arc::clone(published),
            segment,
            sequence: Sequence::beginning_with(entry.scn, before),
        };
        while reader.sequence.next_scn() <= after_scn.get() {
            let skipped = reader.next(|head: PartHead| Ok(head))?;
            if skipped.is_none() {
                return Err(reader.damaged(format!("window {after_scn} is missing")));
            }
        }
        Ok(reader)
    }

    /// Reads the next part, in its form on the wire. Returns `None` at the durable head; a
    /// [`Log::head_watch`](crate::Log::head_watch) changes when there is more. The parts of a
    /// window become readable together.
    pub fn next_part(&mut self) -> Result<Option<WindowPart>, ReadError> {
        self.next(|part: WindowPart| {
            part.changes.iter().try_for_each(check_kind)?;
            Ok(part)
        })
    }

    /// Reads the next window, with all its parts and with typed changes. Returns `None` at the
    /// durable head.
    pub fn next_window(&mut self) -> Result<Option<LoggedWindow>, ReadError> {
        let Some(TypedPart { head, mut changes }) = self.next(TypedPart::new)? else {
            return Ok(None);
        };
        let (mut last, mut before) = (head.last, head.history_before);
        while !last {
            let Some(part) = self.next(TypedPart::new)? else {
                return Err(self.damaged(format!("window {} is not whole", head.scn)));
            };
            (last, before) = (part.head.last, part.head.history_before);
            changes.extend(part.changes);
        }
        let WindowPart {
            scn,
            source_id,
            source_offset,
            commit_time,
            ..
        } = head;
        Ok(Some(LoggedWindow {
            scn: Scn::new(scn),
            before: History::new(before),
            history: self.point().history,
            window: Window {
                source_id,
                source_offset,
                commit_time,
                changes,
            },
        }))
    }

    /// Returns the SCN of the last window that was read whole, or the SCN that the reader began
    /// after.
    pub fn after_scn(&self) -> Scn {
        self.point().scn
    }

    /// Returns the point behind the last window that was read whole, or the one that the reader
    /// began at. Its history is unknown if a version without histories wrote the window.
    pub fn point(&self) -> LogPoint {
        self.sequence.point()
    }

    fn next<Part, Out>(
        &mut self,
        understand: impl Fn(Part) -> Result<Out, InvalidValue>,
    ) -> Result<Option<Out>, ReadError>
    where
        Part: Message + Default,
        for<'a> PartPlace: From<&'a Part>,
    {
        loop {
            let end = self.segment.end();
            let decoded = match self.frames.next(end) {
                Ok(Some(frame)) if frame.body.is_empty() => continue,
                Ok(Some(frame)) => Some((frame.offset, Part::decode(frame.body))),
                Ok(None) => None,
                Err(error) => return Err(read_error(&self.published, &self.segment, error)),
            };
            match decoded {
                Some((offset, Ok(part))) => {
                    let place = PartPlace::from(&part);
                    let understood =
                        understand(part).map_err(|invalid| ReadError::UnknownChange {
                            file: self.published.disk.path(&self.segment.name),
                            offset,
                            scn: Scn::new(place.scn),
                            invalid,
                        })?;
                    self.accept(place, offset)?;
                    return Ok(Some(understood));
                }
                Some((offset, Err(error))) => {
                    let reason = error.to_string();
                    return Err(damaged(&self.published, &self.segment, offset, reason));
                }
                None if self.follow(end)? => {}
                None => return Ok(None),
            }
        }
    }

    fn accept(&mut self, place: PartPlace, offset: u64) -> Result<(), ReadError> {
        let accepted = self.sequence.accept(place);
        accepted.map_err(|reason| damaged(&self.published, &self.segment, offset, reason))?;
        if let Some(entry) = place.entry(offset) {
            self.segment.note(entry);
        }
        Ok(())
    }

    /// Continues at the end of a segment: in the next one, or in this one if it has grown. Returns
    /// false if neither has more to read.
    fn follow(&mut self, end: u64) -> Result<bool, ReadError> {
        let Some(following) = self.published.segment_following(&self.segment) else {
            // The windows that follow may have been removed while no later segment holds windows
            // yet.
            self.published.check_kept(self.after_scn())?;
            return Ok(false);
        };
        if self.segment.end() != end {
            // The segment grew after its end was read above, and before its successor began.
            return Ok(true);
        }
        let after_scn = self.after_scn();
        let mut sequence = self.sequence;
        if let Err(reason) = sequence.enter(following.first_scn, following.history_before()) {
            self.published.check_kept(after_scn)?;
            let name = &following.name;
            return Err(self.damaged(format!("the segment ends, and {name} follows: {reason}")));
        }
        let begins = following.seed.header_bytes;
        self.frames = open_frames(&self.published, &following, begins, after_scn)?;
        self.sequence = sequence;
        self.segment = following;
        Ok(true)
    }

    fn damaged(&self, reason: String) -> ReadError {
        damaged(&self.published, &self.segment, self.frames.offset(), reason)
    }
}

impl TypedPart {
    fn new(mut head: WindowPart) -> Result<Self, InvalidValue> {
        let changes = std::mem::take(&mut head.changes);
        let changes = changes.into_iter().map(Change::from_log);
        Ok(Self {
            changes: changes
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?,
            head,
        })
    }
}

fn open_frames(
    published: &Published,
    segment: &Segment,
    offset: u64,
    after_scn: Scn,
) -> Result<FrameReader, ReadError> {
    match published.disk.open(&segment.name) {
        Ok(file) => Ok(FrameReader::new(file, segment.seed, offset)),
        Err(error) => {
            // The segment may have been removed after it was found.
            published.check_kept(after_scn)?;
            Err(read_error(published, segment, FrameError::File(error)))
        }
    }
}

fn read_error(published: &Published, segment: &Segment, error: FrameError) -> ReadError {
    match error {
        FrameError::Damaged { offset, reason } => damaged(published, segment, offset, reason),
        FrameError::File(source) => ReadError::File {
            file: published.disk.path(&segment.name),
            source,
        },
    }
}

fn damaged(published: &Published, segment: &Segment, offset: u64, reason: String) -> ReadError {
    ReadError::Damaged {
        file: published.disk.path(&segment.name),
        offset,
        reason,
    }
}
