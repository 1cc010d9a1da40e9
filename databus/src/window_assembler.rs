//! Assembles parts, as they arrive on a stream, into windows that the log takes.
//!
//! Each part is checked and encoded at once, and then dropped. An assembler therefore holds at most
//! one window's bytes. A window that is wrong or too large is rejected at the part that makes it
//! so.

use crate::checked_window::{CheckedWindow, InvalidWindow, WindowEncoder, WindowLimits};
use crate::limits::PART_BYTES_MAX;
use cloud_proto::databus::v1::WindowPart;
use prost::Message as _;

/// The reason why parts do not make a window. It is the publisher's mistake; the stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPart {
    /// A part is too large.
    #[error("part {part} is {bytes} bytes, more than {}", PART_BYTES_MAX)]
    TooLarge {
        /// The number of the part.
        part: u32,
        /// The encoded size of the part.
        bytes: usize,
    },
    /// The part has an SCN, which only the log assigns.
    #[error("part.scn: is {scn}; the log gives it, so 0 is expected")]
    ScnGiven {
        /// The SCN in the part.
        scn: u64,
    },
    /// The part has a history, which only the log computes.
    #[error("part.history: is given; the log computes it, so 0 is expected")]
    HistoryGiven,
    /// A part is missing, or came twice.
    #[error("part.part: is {part}, but {expected} is next")]
    OutOfOrder {
        /// The number of the part.
        part: u32,
        /// The number that was expected.
        expected: u32,
    },
    /// A later part has another source, offset or commit time than the first part of its window.
    #[error("part.{field}: part {part} has another value than part 0")]
    AnotherWindow {
        /// The number of the part.
        part: u32,
        /// The field that differs.
        field: &'static str,
    },
    /// The window is wrong, or too large.
    #[error("part.{0}")]
    Window(#[from] InvalidWindow),
    /// The stream ended within a window.
    #[error("the stream ended after {parts} parts of a window, before its last")]
    Unfinished {
        /// The number of parts that came.
        parts: u32,
    },
}

/// Assembles a stream of parts into windows.
#[derive(Debug)]
pub struct WindowAssembler {
    limits: WindowLimits,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    /// The first part without its changes. Every other part must repeat its source, offset and
    /// commit time.
    first: WindowPart,
    parts: u32,
    encoder: WindowEncoder,
}

impl WindowAssembler {
    /// Returns an assembler that expects the first part of a window.
    pub fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            begun: None,
        }
    }

    /// Takes the next part. Returns the window if this was its last part. After an error the
    /// assembler expects a first part.
    pub fn push(&mut self, mut part: WindowPart) -> Result<Option<CheckedWindow>, InvalidPart> {
        let begun = self.begun.take();
        let bytes = part.encoded_len();
        if bytes > PART_BYTES_MAX {
            return Err(InvalidPart::TooLarge {
                part: part.part,
                bytes,
            });
        }
        if part.scn != 0 {
            return Err(InvalidPart::ScnGiven { scn: part.scn });
        }
        if (part.history_before, part.history) != (0, 0) {
            return Err(InvalidPart::HistoryGiven);
        }
        let expected = begun.as_ref().map_or(0, |begun| begun.parts);
        if part.part != expected {
            return Err(InvalidPart::OutOfOrder {
                part: part.part,
                expected,
            });
        }
        let changes = std::mem::take(&mut part.changes);
        let last = part.last;
        let mut begun = match begun {
            None => Begun::new(part, self.limits)?,
            Some(begun) => begun.same_window(&part)?,
        };
        for change in changes {
            begun.encoder.push(change)?;
        }
        begun.parts += 1;
        if last {
            return Ok(Some(begun.encoder.finish()));
        }
        self.begun = Some(begun);
        Ok(None)
    }

    /// Returns the encoded bytes of the window that is begun, or `None` between two windows.
    pub fn begun_bytes(&self) -> Option<usize> {
        self.begun.as_ref().map(|begun| begun.encoder.bytes())
    }

    /// Ends the stream. Returns an error if a window was begun.
    pub fn finish(self) -> Result<(), InvalidPart> {
        self.begun.map_or(Ok(()), |begun| {
            Err(InvalidPart::Unfinished { parts: begun.parts })
        })
    }
}

impl Begun {
    fn new(first: WindowPart, limits: WindowLimits) -> Result<Self, InvalidPart> {
        let encoder = WindowEncoder::new(
            &first.source_id,
            first.source_offset,
            first.commit_time,
            limits,
        )?;
        Ok(Self {
            first,
            parts: 0,
            encoder,
        })
    }

    fn same_window(self, part: &WindowPart) -> Result<Self, InvalidPart> {
        let first = &self.first;
        let differing = [
            ("source_id", part.source_id != first.source_id),
            ("source_offset", part.source_offset != first.source_offset),
            ("commit_time", part.commit_time != first.commit_time),
        ];
        match differing.into_iter().find(|(_, differs)| *differs) {
            Some((field, _)) => Err(InvalidPart::AnotherWindow {
                part: part.part,
                field,
            }),
            None => Ok(self),
        }
    }
}
