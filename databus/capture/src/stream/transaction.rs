//! The changes of a transaction, encoded, until its commit arrives.
//!
//! Encoded changes are a tenth of the size of decoded ones: a transaction of a million connections
//! takes 30 MB. Changes that create or remove a member come first in a window, because those that
//! belong to a member create none.
//!
//! Every server that follows the log holds a window decoded, and the profiles that it changes. A
//! change of a member or a position therefore counts as [`PROFILE_CHANGE`] others: a full window
//! takes tens of megabytes there. (Bench: group `large-transactions`.)

use cloud_proto::databus::v1::{Change, change::Event};
use prost::{
    Message as _,
    bytes::{Bytes, BytesMut},
    encoding::encode_varint,
};

/// The changes after which a window ends, within a transaction.
pub(super) const WINDOW_CHANGES_MAX: usize = 1_000_000;
/// The changes as which a change of a member or a position counts.
const PROFILE_CHANGE: usize = 16;
/// The encoded bytes after which a window ends, within a transaction.
pub(super) const WINDOW_BYTES_MAX: usize = 64 << 20;

/// The changes of a transaction that are not sent yet.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Those that create or remove members.
    members: BytesMut,
    others: BytesMut,
    /// The number of changes, those of members and positions counted as more.
    changes: usize,
    /// Whether windows of the transaction were sent before its commit.
    pub(super) is_split: bool,
}

/// The changes of a window, in their order.
#[derive(Debug)]
pub(super) struct EncodedChanges {
    members: Bytes,
    others: Bytes,
}

impl Transaction {
    pub(super) fn push(&mut self, change: &Change) {
        let (creates_or_removes, is_profile) = match &change.event {
            Some(Event::MemberUpserted(event)) => (!event.existing_only, true),
            Some(Event::MemberRemoved(_)) => (true, true),
            Some(Event::PositionUpserted(_) | Event::PositionRemoved(_)) => (false, true),
            Some(Event::ConnectionAdded(_) | Event::ConnectionRemoved(_)) | None => (false, false),
        };
        let encoded = if creates_or_removes {
            &mut self.members
        } else {
            &mut self.others
        };
        encode_varint(change.encoded_len() as u64, encoded);
        change.encode_raw(encoded);
        self.changes += match is_profile {
            true => PROFILE_CHANGE,
            false => 1,
        };
    }

    /// Returns whether the changes fill a window.
    pub(super) fn is_full(&self) -> bool {
        self.changes >= WINDOW_CHANGES_MAX
            || self.members.len() + self.others.len() >= WINDOW_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// Takes the changes.
    pub(super) fn take(&mut self) -> EncodedChanges {
        self.changes = 0;
        EncodedChanges {
            members: std::mem::take(&mut self.members).freeze(),
            others: std::mem::take(&mut self.others).freeze(),
        }
    }
}

impl Iterator for EncodedChanges {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let encoded = if self.members.is_empty() {
            &mut self.others
        } else {
            &mut self.members
        };
        if encoded.is_empty() {
            return None;
        }
        match Change::decode_length_delimited(encoded) {
            Ok(change) => Some(change),
            Err(error) => unreachable!("what was encoded here is decoded: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_client::connection_added;
    use cloud_proto::databus::v1::MemberRemoved;

    #[test]
    fn members_come_first_and_keep_their_order() {
        let removed = |member_id| Change {
            skippable: false,
            event: Some(Event::MemberRemoved(MemberRemoved { member_id })),
        };
        let mut transaction = Transaction::default();
        for change in [
            connection_added(1, 2),
            removed(7),
            connection_added(3, 4),
            removed(5),
        ] {
            transaction.push(&change);
        }
        let changes: Vec<_> = transaction.take().collect();
        let expected = [
            removed(7),
            removed(5),
            connection_added(1, 2),
            connection_added(3, 4),
        ];
        assert_eq!(changes, expected);
        assert!(transaction.is_empty());
    }

    #[test]
    fn a_window_is_full_of_few_members_or_many_connections() {
        let removed = Change {
            skippable: false,
            event: Some(Event::MemberRemoved(MemberRemoved { member_id: 7 })),
        };
        for (change, most) in [(removed, 62_500), (connection_added(1, 2), 1_000_000)] {
            let mut transaction = Transaction::default();
            for _ in 1..most {
                transaction.push(&change);
            }
            assert!(!transaction.is_full());
            transaction.push(&change);
            assert!(transaction.is_full());
            assert_eq!(transaction.take().count(), most);
            assert!(!transaction.is_full());
        }
    }
}
