//! A window to publish: the changes of one transaction, cut into parts for the wire.

use crate::limits::WINDOW_PART_BYTES;
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, WindowPart, change::Event,
};
use prost::Message;
use prost_types::Timestamp;

/// Changes that become visible together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// The source that committed them; empty for a publisher that numbers nothing.
    pub source_id: String,
    /// Where they stood in the source; 0 with an empty `source_id`.
    pub source_offset: u64,
    /// When the source committed them.
    pub commit_time: Option<Timestamp>,
    /// In the order in which they happened.
    pub changes: Vec<Change>,
}

impl Window {
    /// A window of a publisher that numbers nothing, committed now.
    #[must_use]
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self {
            commit_time: Some(std::time::SystemTime::now().into()),
            changes: changes.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The window in parts, each within the log's limit unless one change alone is above it.
    pub(crate) fn into_parts(self) -> Vec<WindowPart> {
        let mut parts = vec![WindowPart::default()];
        let mut bytes = 0;
        for change in self.changes {
            let change_bytes = change.encoded_len() + FIELD_BYTES;
            if bytes > 0 && bytes + change_bytes > WINDOW_PART_BYTES {
                parts.push(WindowPart::default());
                bytes = 0;
            }
            bytes += change_bytes;
            if let Some(part) = parts.last_mut() {
                part.changes.push(change);
            }
        }
        for (number, part) in (0..).zip(&mut parts) {
            part.part = number;
            part.source_id.clone_from(&self.source_id);
            part.source_offset = self.source_offset;
            part.commit_time = self.commit_time;
        }
        if let Some(part) = parts.last_mut() {
            part.last = true;
        }
        parts
    }
}

/// A change's tag and length in a part, at most.
const FIELD_BYTES: usize = 6;

/// The two members are connected, since the window's commit time.
#[must_use]
pub fn connection_added(member_id: u64, other_id: u64) -> Change {
    Change {
        event: Some(Event::ConnectionAdded(ConnectionAdded {
            member_id,
            other_id,
            connected_at: None,
        })),
    }
}

/// The two members are not connected.
#[must_use]
pub fn connection_removed(member_id: u64, other_id: u64) -> Change {
    Change {
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
        let parts = window.into_parts();
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
