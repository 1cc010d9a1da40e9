//! From parts, as they arrive on a stream, to windows that the log takes.
//!
//! Every part is checked and encoded at once and then dropped, so an assembler holds at most one window's bytes, and a
//! window that is wrong or too large is refused at the part that makes it so.

use crate::checked_window::{CheckedWindow, InvalidWindow, WindowEncoder, WindowLimits};
use crate::limits::PART_BYTES_MAX;
use cloud_proto::databus::v1::WindowPart;
use prost::Message as _;

/// Parts that do not make a window. The publisher's mistake; the stream ends here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPart {
    /// A part is too large.
    #[error("part {part} is {bytes} bytes, more than {}", PART_BYTES_MAX)]
    TooLarge {
        /// Its number.
        part: u32,
        /// Its size, encoded.
        bytes: usize,
    },
    /// Only the log gives SCNs.
    #[error("part.scn: is {scn}; the log gives it, so 0 is expected")]
    ScnGiven {
        /// What was sent.
        scn: u64,
    },
    /// A part is missing, or came twice.
    #[error("part.part: is {part}, and {expected} is next")]
    OutOfOrder {
        /// What was sent.
        part: u32,
        /// What would have been right.
        expected: u32,
    },
    /// A later part says something else of the window than its first one did.
    #[error("part.{field}: part {part} does not say what part 0 said")]
    AnotherWindow {
        /// The part's number.
        part: u32,
        /// What differs.
        field: &'static str,
    },
    /// The window is wrong, or too large.
    #[error("part.{0}")]
    Window(#[from] InvalidWindow),
    /// The stream ended within a window.
    #[error("the stream ended after {parts} parts of a window, before its last")]
    Unfinished {
        /// How many came.
        parts: u32,
    },
}

/// Turns a stream of parts into windows.
#[derive(Debug)]
pub struct WindowAssembler {
    limits: WindowLimits,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    /// The first part, its changes taken out: what every other part has to repeat.
    first: WindowPart,
    parts: u32,
    encoder: WindowEncoder,
}

impl WindowAssembler {
    /// Expects the first part of a window.
    pub fn new(limits: WindowLimits) -> Self {
        Self {
            limits,
            begun: None,
        }
    }

    /// Takes the next part; answers the window when this was its last. After an error the assembler expects a first part.
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

    /// The stream has ended: an error when a window was begun.
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
