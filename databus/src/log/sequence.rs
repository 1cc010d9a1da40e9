//! The order that parts have in a log: each window's from 0 to its last, windows one SCN after another.
//!
//! A frame says where it stands, and a reader knows what is next; so a frame that is missing, doubled or of another
//! segment is found even where its checksum is right.

use super::sparse_index::IndexEntry;
use cloud_proto::databus::v1::WindowPart;

/// What a part says of itself, its changes skipped: the same fields as `WindowPart`.
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
}

/// Which part comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    scn: u64,
    part: u32,
}

/// Where a part stands among parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartPlace {
    pub(crate) scn: u64,
    pub(crate) part: u32,
    pub(crate) last: bool,
}

impl Sequence {
    /// A window's first part is next.
    pub(crate) fn beginning_with(scn: u64) -> Self {
        Self { scn, part: 0 }
    }

    /// The window whose part is next.
    pub(crate) fn next_scn(&self) -> u64 {
        self.scn
    }

    /// Whether the parts so far are whole windows.
    pub(crate) fn between_windows(&self) -> bool {
        self.part == 0
    }

    /// The part that is there has to be the next one; an error says what was expected.
    pub(crate) fn accept(&mut self, place: PartPlace) -> Result<(), String> {
        let PartPlace { scn, part, last } = place;
        if (scn, part) != (self.scn, self.part) {
            return Err(format!(
                "part {part} of window {scn}, and part {} of window {} is next",
                self.part, self.scn
            ));
        }
        let next = if last {
            scn.checked_add(1).map(Self::beginning_with)
        } else {
            part.checked_add(1).map(|part| Self { scn, part })
        };
        *self = next.ok_or_else(|| format!("nothing can follow part {part} of window {scn}"))?;
        Ok(())
    }
}

impl PartPlace {
    /// What the index has to know when a window begins at an offset.
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
        }
    }
}

impl From<&WindowPart> for PartPlace {
    fn from(part: &WindowPart) -> Self {
        Self {
            scn: part.scn,
            part: part.part,
            last: part.last,
        }
    }
}
