//! The changes of a transaction, encoded, until its commit arrives.
//!
//! Encoded changes are a tenth of the size of decoded ones: a transaction of a million connections
//! takes 30 MB. Changes that create or remove a member come first in a window, because those that
//! belong to a member create none.
//!
//! Every server that follows the log holds a window decoded, and the profiles that it changes. A
//! change of a member or a position therefore counts as [`PROFILE_CHANGE`] others: a full window
//! takes tens of megabytes there. (Bench: group `large-transactions`.)

use std::{collections::VecDeque, mem::take};

use cloud_proto::databus::v1::{Change, change::Event};
use prost::{Message as _, bytes::BytesMut, encoding::encode_varint, length_delimiter_len};

/// The changes after which a window ends, within a transaction.
pub(super) const WINDOW_CHANGES_MAX: usize = 1_000_000;
/// The changes as which a change of a member or a position counts.
const PROFILE_CHANGE: usize = 40;
/// The encoded bytes after which a window ends, within a transaction.
pub(super) const WINDOW_BYTES_MAX: usize = 64 << 20;

/// The bytes of a piece of encoded changes, if one change is not longer. Pieces are never moved to
/// grow, and go one by one as they are sent.
const PIECE_BYTES: usize = 1 << 20;

/// The changes of a transaction that are not sent yet.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Those that create or remove members.
    members: Pieces,
    others: Pieces,
    /// The number of changes, those of members and positions counted as more.
    changes: usize,
    /// Whether windows of the transaction were sent before its commit.
    pub(super) is_split: bool,
}

/// The changes of a window, in their order.
#[derive(Debug)]
pub(super) struct EncodedChanges {
    pieces: VecDeque<BytesMut>,
}

/// Encoded changes, each whole in one piece.
#[derive(Debug, Default)]
struct Pieces {
    pieces: VecDeque<BytesMut>,
    bytes: usize,
}

impl Pieces {
    fn push(&mut self, change: &Change) {
        let length = change.encoded_len();
        let bytes = length_delimiter_len(length) + length;
        let fits = |piece: &&mut BytesMut| piece.capacity() - piece.len() >= bytes;
        let piece = match self.pieces.back_mut().filter(fits) {
            Some(piece) => piece,
            None => {
                let piece = BytesMut::with_capacity(PIECE_BYTES.max(bytes));
                self.pieces.push_back_mut(piece)
            }
        };
        encode_varint(length as u64, piece);
        change.encode_raw(piece);
        self.bytes += bytes;
    }
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
        encoded.push(change);
        self.changes += match is_profile {
            true => PROFILE_CHANGE,
            false => 1,
        };
    }

    /// Returns whether the changes fill a window.
    pub(super) fn is_full(&self) -> bool {
        self.changes >= WINDOW_CHANGES_MAX
            || self.members.bytes + self.others.bytes >= WINDOW_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// Takes the changes.
    pub(super) fn take(&mut self) -> EncodedChanges {
        self.changes = 0;
        let (members, others) = (take(&mut self.members), take(&mut self.others));
        let mut pieces = members.pieces;
        pieces.extend(others.pieces);
        EncodedChanges { pieces }
    }
}

impl Iterator for EncodedChanges {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        while self.pieces.front().is_some_and(BytesMut::is_empty) {
            self.pieces.pop_front();
        }
        match Change::decode_length_delimited(self.pieces.front_mut()?) {
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
        for (change, most) in [(removed, 25_000), (connection_added(1, 2), 1_000_000)] {
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
