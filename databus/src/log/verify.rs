//! Checks every frame of a log's files, including frames that a reader would never reach.
//!
//! Nothing is changed and no lock is taken, so the log may belong to a running process. Each
//! segment is checked up to its first fault. The next segment is checked all the same.

use super::error::OpenError;
use super::files::segment_names;
use super::frame_reader::{Frame, FrameError, FrameReader};
use super::recovery::{Found, said_durable_behind};
use super::sequence::{PartPlace, Sequence};
use crate::disk::{Disk, ReadOnlyFolder};
use crate::history::{ChangesHash, WindowContent};
use cloud_model::{History, Scn};
use cloud_profile::Change;
use cloud_proto::databus::v1::WindowPart;
use prost::Message as _;
use std::{io, path::Path, sync::Arc};

/// The result of a check: what was checked, and the faults.
#[derive(Debug, Default)]
pub struct Verified {
    /// The number of files.
    pub segments: usize,
    /// The number of good frames, including marks.
    pub frames: u64,
    /// The number of whole windows.
    pub windows: u64,
    /// The number of bytes behind the last whole window. They are being written, or were torn by a
    /// crash: nothing says that they were durable.
    pub undurable_bytes: u64,
    /// The faults, each with its file and (where there is one) its offset.
    pub faults: Vec<OpenError>,
}

/// Checks the log in a folder. Returns an error if the folder cannot be listed or holds no log.
/// O(bytes).
pub fn verify(folder: &Path) -> Result<Verified, OpenError> {
    let disk = ReadOnlyFolder::new(folder);
    let names = segment_names(&disk)?;
    if names.is_empty() {
        let folder = folder.to_owned();
        return Err(OpenError::NoLog { folder });
    }
    let mut verified = Verified::default();
    // `None` stands for an invalid header.
    let mut found: Vec<Option<Found>> = Vec::new();
    for name in names {
        match Found::read(&disk, &name) {
            Ok(segment) => found.push(Some(segment)),
            // The owner has removed the segment meanwhile, which happens to the oldest only.
            Err(OpenError::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound && found.is_empty() => {}
            Err(error) => {
                verified.faults.push(error);
                found.push(None);
            }
        }
    }
    verified.segments = found.len();
    for (place, segment) in found.iter().enumerate() {
        if let Some(segment) = segment
            && let Err(fault) = verified.check(segment, found.get(place + 1), &disk)
        {
            verified.faults.push(fault);
        }
    }
    Ok(verified)
}

impl Verified {
    /// Checks a segment, and that its successor continues it.
    fn check(
        &mut self,
        segment: &Found,
        successor: Option<&Option<Found>>,
        disk: &dyn Disk,
    ) -> Result<(), OpenError> {
        match successor {
            None => self.walk_tail(segment, disk),
            // The end of the segment is stated in a header that cannot be read.
            Some(None) => self.walk(segment, segment.bytes, disk).map(drop),
            Some(Some(next)) => {
                next.continues(segment, disk)?;
                let end = next.header.previous.map_or(segment.bytes, |here| here.end);
                let mut sequence = self.walk(segment, end, disk)?;
                let entered = sequence.enter(next.header.first_scn, next.segment.history_before());
                entered.map_err(|reason| {
                    let reason = format!("the segment ends, and {} follows: {reason}", next.name);
                    OpenError::damaged(disk, &segment.name, end, reason)
                })
            }
        }
    }

    /// Checks every frame up to an end.
    fn walk(&mut self, segment: &Found, end: u64, disk: &dyn Disk) -> Result<Sequence, OpenError> {
        let mut walk = Walk::begin(segment);
        while let Some(frame) = walk.frames.next(end).map_err(fault(segment, disk))? {
            let part = take(&mut walk.sequence, &mut walk.changes_hash, &frame);
            self.count(part.map_err(fault(segment, disk))?);
        }
        Ok(walk.sequence)
    }

    /// Checks every frame of the last segment. Bytes behind the last good frame may be in the
    /// middle of a write.
    fn walk_tail(&mut self, segment: &Found, disk: &dyn Disk) -> Result<(), OpenError> {
        let mut walk = Walk::begin(segment);
        let mut whole_to = walk.frames.offset();
        let mut durable_to = whole_to;
        let mut end = segment.bytes;
        let mut looked_again = None;
        loop {
            let offset = walk.frames.offset();
            let torn = match walk.frames.next(end) {
                Ok(Some(frame)) => {
                    durable_to = durable_to.max(frame.durable_to);
                    let taken = take(&mut walk.sequence, &mut walk.changes_hash, &frame);
                    self.count(taken.map_err(fault(segment, disk))?);
                    None
                }
                Ok(None) => break,
                Err(FrameError::File(source)) => {
                    return Err(OpenError::file(disk, &segment.name, source));
                }
                Err(FrameError::Damaged { reason, .. }) => Some(reason),
            };
            if walk.sequence.between_windows() {
                whole_to = walk.frames.offset();
            }
            let Some(reason) = torn else {
                continue;
            };
            let failed = |source| OpenError::file(disk, &segment.name, source);
            let seed = segment.segment.seed;
            let said = durable_to > whole_to
                || said_durable_behind(&*segment.file, seed, offset).map_err(failed)?;
            if !said {
                break;
            }
            if looked_again == Some(offset) {
                let reason = format!("{reason}; it was durable");
                return Err(OpenError::damaged(disk, &segment.name, offset, reason));
            }
            // The owner may have written the rest of the frame since it was read here.
            looked_again = Some(offset);
            end = segment.file.bytes().map_err(failed)?;
            walk.frames = FrameReader::new(Arc::clone(&segment.file), seed, offset);
        }
        if durable_to > whole_to {
            let reason = "the window there is not whole; it was durable".to_owned();
            return Err(OpenError::damaged(disk, &segment.name, whole_to, reason));
        }
        self.undurable_bytes = end.saturating_sub(whole_to);
        Ok(())
    }

    fn count(&mut self, ends_window: Option<bool>) {
        self.frames += 1;
        self.windows += u64::from(ends_window == Some(true));
    }
}

/// A position in a segment's frames.
struct Walk {
    frames: FrameReader,
    sequence: Sequence,
    /// The hash of the changes of the window that was begun.
    changes_hash: ChangesHash,
}

impl Walk {
    fn begin(segment: &Found) -> Self {
        let seed = segment.segment.seed;
        Self {
            frames: FrameReader::new(Arc::clone(&segment.file), seed, seed.header_bytes),
            sequence: Sequence::beginning_with(
                segment.header.first_scn,
                segment.segment.history_before(),
            ),
            changes_hash: ChangesHash::default(),
        }
    }
}

/// Checks that a frame's part is the next one, and that a window's history is the one of its
/// content. Returns whether the part ends its window; `None` for a mark.
fn take(
    sequence: &mut Sequence,
    changes_hash: &mut ChangesHash,
    frame: &Frame<'_>,
) -> Result<Option<bool>, FrameError> {
    let offset = frame.offset;
    let refused = |reason: String| FrameError::Damaged { offset, reason };
    if frame.body.is_empty() {
        return Ok(None);
    }
    let part = WindowPart::decode(frame.body).map_err(|error| refused(error.to_string()))?;
    sequence.accept(PartPlace::from(&part)).map_err(refused)?;
    let added = changes_hash.add_part(frame.body);
    added.map_err(|error| refused(error.to_string()))?;
    let (scn, last) = (part.scn, part.last);
    let states = History::new(part.history_before).zip(History::new(part.history));
    if last {
        let changes_hash = std::mem::take(changes_hash).finish(&[]);
        let content = WindowContent {
            source_id: &part.source_id,
            source_offset: part.source_offset,
            commit_time: part.commit_time,
            changes_hash,
        };
        if let Some((before, stated)) = states
            && let found = content.history(before, Scn::new(scn))
            && found != stated
        {
            let reason =
                format!("window {scn} states history {stated}, but its content has {found}");
            return Err(refused(reason));
        }
    }
    for change in part.changes {
        Change::from_log(change).map_err(|invalid| refused(format!("window {scn}: {invalid}")))?;
    }
    Ok(Some(last))
}

fn fault<'a>(segment: &'a Found, disk: &'a dyn Disk) -> impl Fn(FrameError) -> OpenError + 'a {
    move |error| match error {
        FrameError::Damaged { offset, reason } => {
            OpenError::damaged(disk, &segment.name, offset, reason)
        }
        FrameError::File(source) => OpenError::file(disk, &segment.name, source),
    }
}
