//! A change as it was read from the log: typed once, and relied on from then on.

use crate::{invalid_value::InvalidValue, mask::Mask, rules::check_id};
use cloud_model::{ConnectionTime, MemberId};
use cloud_proto::databus::v1 as proto;
use cloud_proto::databus::v1::{Member, Position, change::Event};
use prost_types::Timestamp;
use std::{fmt, num::NonZeroU64};

/// A position of a member. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionId(NonZeroU64);

/// An event of the log: what is true from here on.
///
/// It holds what any version's rules let in, and does not apply the rules again. What a message says of a field that the
/// mask does not name means nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The member exists, and these fields have these values.
    MemberUpserted {
        /// The member.
        member_id: MemberId,
        /// The values. Its id is `member_id`.
        member: Member,
        /// The fields that are stated.
        fields: Mask<Member>,
    },
    /// The member does not exist.
    MemberRemoved {
        /// The member.
        member_id: MemberId,
    },
    /// The member has this position, and these fields of it have these values.
    PositionUpserted {
        /// The member.
        member_id: MemberId,
        /// The values. Its id is not 0.
        position: Position,
        /// The fields that are stated.
        fields: Mask<Position>,
    },
    /// The member does not have this position.
    PositionRemoved {
        /// The member.
        member_id: MemberId,
        /// The position.
        position_id: PositionId,
    },
    /// The two members are connected.
    ConnectionAdded {
        /// One member.
        member_id: MemberId,
        /// The other.
        other_id: MemberId,
        /// The time of the connection; absent: the window's.
        time: Option<ConnectionTime>,
    },
    /// The two members are not connected.
    ConnectionRemoved {
        /// One member.
        member_id: MemberId,
        /// The other.
        other_id: MemberId,
    },
}

impl PositionId {
    /// The id with this number; `None` for 0.
    #[must_use]
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for PositionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<proto::Change> for Change {
    type Error = InvalidValue;

    /// Makes the typed change.
    ///
    /// # Errors
    /// For what no version's rules let in: an event of an unknown kind, an id of 0, an unknown field in a mask. Then the
    /// log was written by a later version, or not by this product.
    fn try_from(change: proto::Change) -> Result<Self, InvalidValue> {
        match change.event.ok_or_else(unknown_kind)? {
            Event::MemberUpserted(event) => {
                let path = "member_upserted.member";
                let member = event
                    .member
                    .ok_or_else(|| InvalidValue::new(path, "is missing"))?;
                Ok(Self::MemberUpserted {
                    member_id: member_id(path, "member_id", member.member_id)?,
                    member,
                    fields: fields("member_upserted", event.fields.as_ref())?,
                })
            }
            Event::MemberRemoved(event) => Ok(Self::MemberRemoved {
                member_id: member_id("member_removed", "member_id", event.member_id)?,
            }),
            Event::PositionUpserted(event) => {
                let path = "position_upserted.position";
                let missing = || InvalidValue::new(path, "is missing");
                let position = event.position.ok_or_else(missing)?;
                check_id("position_id", position.position_id)
                    .map_err(|invalid| invalid.within(path))?;
                Ok(Self::PositionUpserted {
                    member_id: member_id("position_upserted", "member_id", event.member_id)?,
                    position,
                    fields: fields("position_upserted", event.fields.as_ref())?,
                })
            }
            Event::PositionRemoved(event) => {
                let zero = || InvalidValue::new("position_removed.position_id", "is 0");
                Ok(Self::PositionRemoved {
                    member_id: member_id("position_removed", "member_id", event.member_id)?,
                    position_id: PositionId::new(event.position_id).ok_or_else(zero)?,
                })
            }
            Event::ConnectionAdded(event) => Ok(Self::ConnectionAdded {
                member_id: member_id("connection_added", "member_id", event.member_id)?,
                other_id: member_id("connection_added", "other_id", event.other_id)?,
                time: event.connected_at.as_ref().map(time_from_proto),
            }),
            Event::ConnectionRemoved(event) => Ok(Self::ConnectionRemoved {
                member_id: member_id("connection_removed", "member_id", event.member_id)?,
                other_id: member_id("connection_removed", "other_id", event.other_id)?,
            }),
        }
    }
}

impl From<Change> for proto::Change {
    fn from(change: Change) -> Self {
        let event = match change {
            Change::MemberUpserted { member, fields, .. } => {
                Event::MemberUpserted(proto::MemberUpserted {
                    member: Some(member),
                    fields: fields.to_proto(),
                })
            }
            Change::MemberRemoved { member_id } => Event::MemberRemoved(proto::MemberRemoved {
                member_id: member_id.get(),
            }),
            Change::PositionUpserted {
                member_id,
                position,
                fields,
            } => Event::PositionUpserted(proto::PositionUpserted {
                member_id: member_id.get(),
                position: Some(position),
                fields: fields.to_proto(),
            }),
            Change::PositionRemoved {
                member_id,
                position_id,
            } => Event::PositionRemoved(proto::PositionRemoved {
                member_id: member_id.get(),
                position_id: position_id.get(),
            }),
            Change::ConnectionAdded {
                member_id,
                other_id,
                time,
            } => Event::ConnectionAdded(proto::ConnectionAdded {
                member_id: member_id.get(),
                other_id: other_id.get(),
                connected_at: time.map(time_to_proto),
            }),
            Change::ConnectionRemoved {
                member_id,
                other_id,
            } => Event::ConnectionRemoved(proto::ConnectionRemoved {
                member_id: member_id.get(),
                other_id: other_id.get(),
            }),
        };
        Self { event: Some(event) }
    }
}

/// Checks that this version knows the kind of a change, and nothing else of it.
///
/// # Errors
/// When it does not.
pub fn check_kind(change: &proto::Change) -> Result<(), InvalidValue> {
    let event = change.event.as_ref();
    event.map(drop).ok_or_else(unknown_kind)
}

fn unknown_kind() -> InvalidValue {
    InvalidValue::new("event", "is of a kind that this version does not know")
}

/// Reads a time to the millisecond. One before 1970 is unknown: earlier versions did not let it in either.
#[must_use]
pub fn time_from_proto(time: &Timestamp) -> ConnectionTime {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let millis = u64::try_from(time.nanos).unwrap_or(0) / 1_000_000;
    ConnectionTime::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

/// Writes a time to the millisecond.
#[must_use]
pub fn time_to_proto(time: ConnectionTime) -> Timestamp {
    let millis = time.millis();
    Timestamp {
        seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX),
        nanos: i32::try_from(millis % 1000 * 1_000_000).unwrap_or(0),
    }
}

fn member_id(parent: &str, field: &str, id: u64) -> Result<MemberId, InvalidValue> {
    MemberId::new(id).ok_or_else(|| InvalidValue::new(field, "is 0").within(parent))
}

fn fields<M: crate::Fields>(
    parent: &str,
    mask: Option<&prost_types::FieldMask>,
) -> Result<Mask<M>, InvalidValue> {
    Mask::from_proto(mask).map_err(|invalid| invalid.within(parent))
}
