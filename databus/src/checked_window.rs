//! A window that passed every check, in the encoded form that the log queues and writes.
//!
//! Changes are encoded as they arrive. A window of ten million changes therefore costs its bytes on
//! disk (about 40 a change), not its size as structures (about 300 a change). Parts are cut here:
//! the log's parts are full, however the publisher cut its window.

use crate::history::{CHANGES_TAG, ChangesHash, WindowContent};
use crate::limits::{PART_BYTES_MAX, SOURCE_ID_BYTES_MAX};
use crate::window::Window;
use cloud_model::{History, Scn};
use cloud_profile::{InvalidValue, check_time, complete_change};
use cloud_proto::databus::v1::{Change, WindowPart};
use prost::{Message as _, encoding};
use prost_types::Timestamp;

/// The reason why the log rejects a window. It is the publisher's mistake; sending the window again
/// does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWindow {
    /// One of the window's changes is wrong.
    #[error("changes[{change}].{invalid}")]
    Change {
        /// The place of the change in the window, counted from 0 over all parts.
        change: usize,
        /// The field that is wrong, and the reason.
        invalid: InvalidValue,
    },
    /// The window's source, offset or commit time is wrong.
    #[error("{0}")]
    Source(InvalidValue),
    /// The window has more changes than allowed: bootstrap again from the source instead.
    #[error("the window has more than {changes_max} changes: bootstrap again from the source")]
    TooManyChanges {
        /// The most changes that a window may have.
        changes_max: usize,
    },
    /// The window has more bytes than allowed: bootstrap again from the source instead.
    #[error("the window has more than {bytes_max} bytes: bootstrap again from the source")]
    TooManyBytes {
        /// The most encoded bytes that a window's changes may have.
        bytes_max: usize,
    },
}

/// A window that passed every check, encoded in parts that lack only their SCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedWindow {
    pub(crate) source_id: String,
    pub(crate) source_offset: u64,
    commit_time: Option<Timestamp>,
    pub(crate) changes: usize,
    changes_hash: u64,
    /// The encoded `WindowPart`s without their SCN, the last without its histories; never empty.
    /// With them, each has at most [`PART_BYTES_MAX`] bytes.
    pub(crate) parts: Vec<Vec<u8>>,
}

impl CheckedWindow {
    /// Completes, checks and encodes a whole window. O(changes).
    pub fn new(window: Window, limits: WindowLimits) -> Result<Self, InvalidWindow> {
        let mut encoder = WindowEncoder::new(
            &window.source_id,
            window.source_offset,
            window.commit_time,
            limits,
        )?;
        for change in window.changes {
            encoder.push(change)?;
        }
        Ok(encoder.finish())
    }

    /// Returns the source that committed the window.
    pub fn source_id(&self) -> &str {
        &self.source_id
    }

    /// Returns the window's offset in its source.
    pub fn source_offset(&self) -> u64 {
        self.source_offset
    }

    /// Returns the history of the window at an SCN. O(1).
    pub(crate) fn history(&self, before: History, scn: Scn) -> History {
        let content = WindowContent {
            source_id: &self.source_id,
            source_offset: self.source_offset,
            commit_time: self.commit_time,
            changes_hash: self.changes_hash,
        };
        content.history(before, scn)
    }

    /// Returns the encoded size of all parts together, in bytes.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }
}

/// The limits of a window's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowLimits {
    /// The most changes, over all parts.
    pub changes_max: usize,
    /// The most encoded bytes of the changes, over all parts.
    pub bytes_max: usize,
}

/// The bytes that each part keeps free for its SCN, which is known last: a key and the longest
/// varint.
const SCN_BYTES_MAX: usize = 11;
/// The bytes of the two histories in a last part: a key and 8 bytes each.
const HISTORIES_BYTES: usize = 18;
/// The tags of the `WindowPart` fields that are encoded one by one.
const SCN_TAG: u32 = 1;
const LAST_TAG: u32 = 6;
const HISTORY_BEFORE_TAG: u32 = 8;
const HISTORY_TAG: u32 = 9;
/// The encoded length of `last = true`.
const LAST_BYTES: usize = 2;

/// Encodes the SCN, which a part lacks until its window has a place in the log.
pub(crate) fn encode_scn(scn: Scn, buffer: &mut Vec<u8>) {
    encoding::uint64::encode(SCN_TAG, &scn.get(), buffer);
}

/// Encodes the history before a window and its own, which its last part lacks until the window has
/// a place in the log.
pub(crate) fn encode_histories(before: History, own: History, buffer: &mut Vec<u8>) {
    encoding::fixed64::encode(HISTORY_BEFORE_TAG, &before.get(), buffer);
    encoding::fixed64::encode(HISTORY_TAG, &own.get(), buffer);
}

/// Encodes a window's changes one by one: applies the rules to each, and cuts them into full parts.
#[derive(Debug)]
pub(crate) struct WindowEncoder {
    head: WindowPart,
    limits: WindowLimits,
    changes: usize,
    bytes: usize,
    full: Vec<Vec<u8>>,
    current: Vec<u8>,
    /// The offset in `current` at which its changes begin.
    changes_from: usize,
    changes_hash: ChangesHash,
}

impl WindowEncoder {
    pub(crate) fn new(
        source_id: &str,
        source_offset: u64,
        commit_time: Option<Timestamp>,
        limits: WindowLimits,
    ) -> Result<Self, InvalidWindow> {
        check_source(source_id, source_offset)?;
        if let Some(time) = &commit_time {
            check_time("commit_time", time).map_err(InvalidWindow::Source)?;
        }
        let head = WindowPart {
            source_id: source_id.to_owned(),
            source_offset,
            commit_time,
            ..Default::default()
        };
        let current = head.encode_to_vec();
        Ok(Self {
            head,
            limits,
            changes: 0,
            bytes: 0,
            full: Vec::new(),
            changes_from: current.len(),
            current,
            changes_hash: ChangesHash::default(),
        })
    }

    pub(crate) fn push(&mut self, mut change: Change) -> Result<(), InvalidWindow> {
        let WindowLimits {
            changes_max,
            bytes_max,
        } = self.limits;
        complete_change(&mut change).map_err(|invalid| InvalidWindow::Change {
            change: self.changes,
            invalid,
        })?;
        if self.changes >= changes_max {
            return Err(InvalidWindow::TooManyChanges { changes_max });
        }
        let bytes = encoding::message::encoded_len(CHANGES_TAG, &change);
        if self.bytes + bytes > bytes_max {
            return Err(InvalidWindow::TooManyBytes { bytes_max });
        }
        let reserved = LAST_BYTES + SCN_BYTES_MAX + HISTORIES_BYTES;
        if self.current.len() + bytes + reserved > PART_BYTES_MAX {
            self.changes_hash
                .add(changes_of(&self.current, self.changes_from));
            self.head.part += 1;
            let next = self.head.encode_to_vec();
            self.changes_from = next.len();
            self.full.push(std::mem::replace(&mut self.current, next));
        }
        self.changes += 1;
        self.bytes += bytes;
        encoding::message::encode(CHANGES_TAG, &change, &mut self.current);
        Ok(())
    }

    /// Returns the encoded bytes so far, with those of each part's own fields.
    pub(crate) fn bytes(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.current.len()
    }

    pub(crate) fn finish(mut self) -> CheckedWindow {
        let changes = changes_of(&self.current, self.changes_from);
        let changes_hash = self.changes_hash.finish(changes);
        encoding::bool::encode(LAST_TAG, &true, &mut self.current);
        self.full.push(self.current);
        let WindowPart {
            source_id,
            source_offset,
            commit_time,
            ..
        } = self.head;
        CheckedWindow {
            source_id,
            source_offset,
            commit_time,
            changes: self.changes,
            changes_hash,
            parts: self.full,
        }
    }
}

fn changes_of(part: &[u8], from: usize) -> &[u8] {
    part.get(from..).unwrap_or_default()
}

fn check_source(source_id: &str, source_offset: u64) -> Result<(), InvalidWindow> {
    let invalid = |field: &str, reason: String| {
        Err(InvalidWindow::Source(InvalidValue {
            field: field.to_owned(),
            reason,
        }))
    };
    let bytes = source_id.len();
    match (source_id, source_offset) {
        _ if bytes > SOURCE_ID_BYTES_MAX => invalid(
            "source_id",
            format!("is {bytes} bytes, more than {SOURCE_ID_BYTES_MAX}"),
        ),
        ("", 0) => Ok(()),
        ("", offset) => invalid(
            "source_offset",
            format!("is {offset} without a source_id, where it must be 0"),
        ),
        _ => Ok(()),
    }
}
