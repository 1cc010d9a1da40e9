//! The order of the parts in a log: windows by SCN, each with the history of the one before it, and
//! the parts of each window from 0 to its last.
//!
//! A frame states its place, and a reader knows which place is next. A frame that is missing,
//! doubled or of another segment is therefore found even if its checksum is right.

use super::sparse_index::IndexEntry;
use crate::history::Chain;
use cloud_model::{History, LogPoint, Scn};
use cloud_proto::databus::v1::WindowPart;

/// The fields of a `WindowPart` without its commit time and changes, which are skipped.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PartHead {
    #[prost(uint64, tag = "1")]
    pub(crate) scn: u64,
    #[prost(string, tag = "2")]
    pub(crate) source_id: String,
    #[prost(uint64, tag = "3")]
    pub(crate) source_offset: u64,
    #[prost(uint32, tag = "5")]
    pub(crate) part: u32,
    #[prost(bool, tag = "6")]
    pub(crate) last: bool,
    #[prost(fixed64, tag = "8")]
    pub(crate) history_before: u64,
    #[prost(fixed64, tag = "9")]
    pub(crate) history: u64,
}

/// The place of the next part, and the history before its window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    scn: u64,
    part: u32,
    chain: Chain,
}

/// The place of a part in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartPlace {
    pub(crate) scn: u64,
    pub(crate) part: u32,
    pub(crate) last: bool,
    history_before: u64,
    history: u64,
}

impl Sequence {
    /// Returns a sequence in which the first part of a window is next. `before` is the history
    /// before the window; `None` if it is not known.
    pub(crate) fn beginning_with(scn: u64, before: Option<History>) -> Self {
        Self {
            scn,
            part: 0,
            chain: Chain::at(before),
        }
    }

    /// Returns the SCN of the last whole window, and the history there.
    pub(crate) fn point(&self) -> LogPoint {
        LogPoint {
            scn: Scn::new(self.scn - 1),
            history: self.chain.history(),
        }
    }

    /// Continues with a segment. Returns an error if it begins elsewhere, or behind other windows.
    pub(crate) fn enter(&mut self, first_scn: u64, before: Option<History>) -> Result<(), String> {
        let next = Self::beginning_with(first_scn, before);
        if (self.scn, self.part) != (next.scn, next.part) {
            return Err(format!("part {} of window {} is next", self.part, self.scn));
        }
        if self.point().differs(&next.point()) {
            return Err(format!("the history is another one at window {first_scn}"));
        }
        *self = next;
        Ok(())
    }

    /// Returns the SCN of the window whose part is next.
    pub(crate) fn next_scn(&self) -> u64 {
        self.scn
    }

    /// Returns whether the parts so far are whole windows.
    pub(crate) fn between_windows(&self) -> bool {
        self.part == 0
    }

    /// Accepts a part that is the next one. Otherwise returns an error that names the expected
    /// part.
    pub(crate) fn accept(&mut self, place: PartPlace) -> Result<(), String> {
        let PartPlace {
            scn,
            part,
            last,
            history_before,
            history,
        } = place;
        if (scn, part) != (self.scn, self.part) {
            return Err(format!(
                "found part {part} of window {scn}, but part {} of window {} is next",
                self.part, self.scn
            ));
        }
        let next = if last {
            scn.checked_add(1).map(|scn| (scn, 0))
        } else {
            part.checked_add(1).map(|part| (scn, part))
        };
        let next = next.ok_or_else(|| format!("nothing can follow part {part} of window {scn}"))?;
        if last {
            let accepted = self.chain.accept(Scn::new(scn), history_before, history);
            accepted.map_err(|broken| broken.to_string())?;
        }
        (self.scn, self.part) = next;
        Ok(())
    }
}

impl PartPlace {
    /// Returns the place of a window's first part.
    pub(crate) fn first_of(scn: u64) -> Self {
        Self {
            scn,
            part: 0,
            last: false,
            history_before: 0,
            history: 0,
        }
    }

    /// Returns the index entry of a window that begins at an offset; `None` if this is not its
    /// first part.
    pub(crate) fn entry(&self, offset: u64) -> Option<IndexEntry> {
        (self.part == 0).then_some(IndexEntry {
            scn: self.scn,
            offset,
        })
    }
}

impl From<&PartHead> for PartPlace {
    fn from(head: &PartHead) -> Self {
        Self {
            scn: head.scn,
            part: head.part,
            last: head.last,
            history_before: head.history_before,
            history: head.history,
        }
    }
}

impl From<&WindowPart> for PartPlace {
    fn from(part: &WindowPart) -> Self {
        Self {
            scn: part.scn,
            part: part.part,
            last: part.last,
            history_before: part.history_before,
            history: part.history,
        }
    }
}
