//! A window to publish: the changes of one transaction, split into parts for the protocol.

use crate::limits::WINDOW_PART_BYTES;
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, WindowPart, change::Event,
};
use prost::Message;
use prost_types::Timestamp;
use std::{
    iter,
    time::{SystemTime, UNIX_EPOCH},
};

/// A batch of changes that become visible together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The source that committed the changes; empty for a publisher without offsets.
    pub source_id: String,
    /// The offset of the changes in the source; 0 if `source_id` is empty.
    pub source_offset: u64,
    /// The time at which the source committed the changes.
    pub commit_time: Option<Timestamp>,
    /// The changes, in the order in which they happened.
    pub changes: Vec<Change>,
}

impl Window {
    /// Returns a window of a publisher without offsets, committed now. A clock that is before 1970
    /// does not know when, and the window states no time.
    #[must_use]
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        let now = SystemTime::now();
        Self {
            commit_time: (now >= UNIX_EPOCH).then(|| now.into()),
            changes: changes.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Splits the window into parts, each within the log's limit unless a single change exceeds it.
    /// `more` follows the window's own changes, and is read part by part.
    pub(crate) fn into_parts(
        self,
        more: impl IntoIterator<Item = Change>,
    ) -> impl Iterator<Item = WindowPart> {
        let head = WindowPart {
            source_id: self.source_id,
            source_offset: self.source_offset,
            commit_time: self.commit_time,
            ..WindowPart::default()
        };
        let mut changes = self.changes.into_iter().chain(more).peekable();
        let mut number = 0;
        let mut is_whole = false;
        iter::from_fn(move || {
            if is_whole {
                return None;
            }
            let mut part = WindowPart {
                part: number,
                ..head.clone()
            };
            let mut bytes = 0;
            while let Some(change) = changes.next_if(|change| {
                bytes == 0 || bytes + change.encoded_len() + FIELD_BYTES <= WINDOW_PART_BYTES
            }) {
                bytes += change.encoded_len() + FIELD_BYTES;
                part.changes.push(change);
            }
            is_whole = changes.peek().is_none();
            part.last = is_whole;
            number += 1;
            Some(part)
        })
    }
}

/// The maximum bytes of a change's tag and length in a part.
const FIELD_BYTES: usize = 6;

/// Returns the change that connects two members at the window's commit time.
#[must_use]
pub fn connection_added(member_id: u64, other_id: u64) -> Change {
    Change {
        skippable: false,
        event: Some(Event::ConnectionAdded(ConnectionAdded {
            existing_only: false,
            member_id,
            other_id,
            connected_at: None,
        })),
    }
}

/// Returns the change that removes the connection of two members.
#[must_use]
pub fn connection_removed(member_id: u64, other_id: u64) -> Change {
    Change {
        skippable: false,
        event: Some(Event::ConnectionRemoved(ConnectionRemoved {
            member_id,
            other_id,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(changes: usize, parts_expected: usize) {
        let window = Window {
            source_id: "s".into(),
            source_offset: 9,
            ..Window::of((0..changes).map(|i| connection_added(u64::MAX, i as u64)))
        };
        let changes = window.changes.clone();
        let parts: Vec<_> = window.into_parts([]).collect();
        assert_eq!(parts.len(), parts_expected);
        for (number, part) in parts.iter().enumerate() {
            assert_eq!(part.part as usize, number);
            assert_eq!(part.last, number + 1 == parts.len());
            assert_eq!((part.source_id.as_str(), part.source_offset), ("s", 9));
            assert!(part.encoded_len() <= 1 << 20, "{}", part.encoded_len());
        }
        assert_eq!(
            parts
                .into_iter()
                .flat_map(|part| part.changes)
                .collect::<Vec<_>>(),
            changes
        );
    }

    #[test]
    fn a_window_comes_in_parts_of_bounded_size() {
        check(0, 1);
        check(1, 1);
        check(100_000, 3);
    }
}
