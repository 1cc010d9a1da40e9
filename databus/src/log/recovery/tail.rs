//! The tail of the log: decides which frames of the last segment are kept, and makes them durable.

use super::found::Found;
use super::rot::said_durable_behind;
use crate::disk::Disk;
use crate::limits::HISTORIES_KEPT;
use crate::log::error::OpenError;
use crate::log::frame_reader::{FrameError, FrameReader};
use crate::log::options::LogOptions;
use crate::log::segment::Segment;
use crate::log::sequence::{PartHead, PartPlace, Sequence};
use crate::log::sources::Sources;
use cloud_model::{LogPoint, Scn};
use prost::Message as _;
use std::{collections::VecDeque, io, sync::Arc};

/// The number of bytes that are rewritten at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// The state that the last segment's frames add to the log.
pub(super) struct Tail {
    pub(super) sources: Sources,
    pub(super) head: Scn,
    pub(super) points: Vec<LogPoint>,
    pub(super) unmarked: bool,
}

impl Tail {
    pub(super) fn recover(
        last: &Found,
        disk: &dyn Disk,
        options: &LogOptions,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::file(disk, &last.name, source);
        let durable_scn = options.durable_scn;
        let scan = Scan::run(last).map_err(|error| match error {
            FrameError::Damaged { offset, reason } => {
                OpenError::damaged(disk, &last.name, offset, reason)
            }
            FrameError::File(source) => failed(source),
        })?;
        let head = scan.sequence.point().scn;
        if let Some((offset, reason)) = scan.torn {
            let seed = last.segment.seed;
            let said = scan.durable_to > scan.end
                || head < durable_scn
                || said_durable_behind(&*last.file, seed, offset).map_err(failed)?;
            if said {
                return Err(OpenError::damaged(
                    disk,
                    &last.name,
                    offset,
                    format!("{reason}; it was durable"),
                ));
            }
        }
        if head < durable_scn {
            return Err(OpenError::Lost {
                folder: disk.path(""),
                head,
                durable_scn,
            });
        }
        make_durable(last, scan.durable_to, scan.end).map_err(failed)?;
        last.segment.extend_to(scan.end);
        Ok(Self {
            sources: scan.sources,
            head,
            points: scan.points.into(),
            unmarked: scan.unmarked,
        })
    }
}

/// The result of reading the last segment's frames, up to the first bad one.
struct Scan {
    sequence: Sequence,
    sources: Sources,
    points: VecDeque<LogPoint>,
    /// The offset behind the last whole window or mark.
    end: u64,
    /// The highest `durable_to` of the frames.
    durable_to: u64,
    unmarked: bool,
    /// The offset at which a frame or a window is not whole, and the reason.
    torn: Option<(u64, String)>,
}

impl Scan {
    fn run(last: &Found) -> Result<Self, FrameError> {
        let seed = last.segment.seed;
        let sequence =
            Sequence::beginning_with(last.header.first_scn, last.segment.history_before());
        let mut scan = Self {
            points: VecDeque::from([sequence.point()]),
            sequence,
            sources: last.header.sources.iter().cloned().collect(),
            end: seed.header_bytes,
            durable_to: seed.header_bytes,
            unmarked: false,
            torn: None,
        };
        let mut frames = FrameReader::new(Arc::clone(&last.file), seed, seed.header_bytes);
        loop {
            let offset = frames.offset();
            match frames.next(last.bytes) {
                Ok(Some(frame)) => {
                    scan.durable_to = scan.durable_to.max(frame.durable_to);
                    let taken = scan.take(frame.body, offset, &last.segment);
                    taken.map_err(|reason| FrameError::Damaged { offset, reason })?;
                }
                Ok(None) if scan.sequence.between_windows() => return Ok(scan),
                Ok(None) => scan.torn = Some((offset, "a window without its last part".to_owned())),
                Err(FrameError::Damaged { offset, reason }) => scan.torn = Some((offset, reason)),
                Err(error) => return Err(error),
            }
            if scan.torn.is_some() {
                return Ok(scan);
            }
            if scan.sequence.between_windows() {
                scan.end = frames.offset();
            }
        }
    }

    /// Takes a frame with a right checksum. If it does not fit its place, that is an error: no
    /// crash tore it.
    fn take(&mut self, body: &[u8], offset: u64, segment: &Segment) -> Result<(), String> {
        if body.is_empty() {
            self.unmarked = false;
            return Ok(());
        }
        let head = PartHead::decode(body).map_err(|error| error.to_string())?;
        let place = PartPlace::from(&head);
        self.sequence.accept(place)?;
        self.unmarked = true;
        if let Some(entry) = place.entry(offset) {
            segment.note(entry);
        }
        if head.last {
            self.sources
                .set(&head.source_id, head.source_offset, Scn::new(head.scn));
            if self.points.len() >= HISTORIES_KEPT {
                self.points.pop_front();
            }
            self.points.push_back(self.sequence.point());
        }
        Ok(())
    }
}

/// Cuts the segment at `end`. Before the sync, it writes the bytes that `durable_to` does not cover
/// once more.
fn make_durable(last: &Found, durable_to: u64, end: u64) -> io::Result<()> {
    let mut chunk = Vec::new();
    let mut offset = durable_to;
    while offset < end {
        chunk.resize((end - offset).min(CHUNK_BYTES) as usize, 0);
        if last.file.read_at(&mut chunk, offset)? < chunk.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        last.file.write_at(&chunk, offset)?;
        offset += chunk.len() as u64;
    }
    if last.bytes != end {
        last.file.cut(end)?;
    }
    last.file.sync()
}
