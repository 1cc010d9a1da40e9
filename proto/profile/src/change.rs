//! A change as read from the log, converted once to a type on which all later code relies.

use crate::{invalid_value::InvalidValue, mask::Mask, rules::check_id};
use cloud_model::{ConnectionTime, MemberId};
use cloud_proto::databus::v1 as proto;
use cloud_proto::databus::v1::{Member, Position, change::Event};
use prost_types::Timestamp;
use std::{fmt, num::NonZeroU64};

/// The id of a position of a member. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionId(NonZeroU64);

/// An event of the log, which states what is true from its SCN on.
///
/// The rules of the version that wrote the event have accepted it, and they are not applied again.
/// The value of a field that the mask does not name has no meaning. Members and positions are
/// boxed, so that a window of a million connections takes 40 bytes for each of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The member exists, and these fields have these values.
    MemberUpserted {
        /// The member.
        member_id: MemberId,
        /// The values. The id in it is `member_id`.
        member: Box<Member>,
        /// The fields that are stated.
        fields: Mask<Member>,
        /// Whether the change creates no member.
        existing_only: bool,
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
        /// The values. The id in it is not 0.
        position: Box<Position>,
        /// The fields that are stated.
        fields: Mask<Position>,
        /// Whether the change creates no member.
        existing_only: bool,
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
        /// The other member.
        other_id: MemberId,
        /// The time of the connection. `None`: the time of the window.
        time: Option<ConnectionTime>,
        /// Whether the change creates no member, and no connection unless both exist.
        existing_only: bool,
    },
    /// The two members are not connected.
    ConnectionRemoved {
        /// One member.
        member_id: MemberId,
        /// The other member.
        other_id: MemberId,
    },
}

impl PositionId {
    /// Returns the id with this number; `None` for 0.
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

impl Change {
    /// Converts a change from the log. Returns `None` for a skippable change of a kind that this
    /// version does not know.
    ///
    /// # Errors If no version's rules accept the change: an event of an unknown kind that is not
    /// skippable, an id of 0, an unknown field in a mask. Then a later version wrote the log, or
    /// another product.
    pub fn from_log(change: proto::Change) -> Result<Option<Self>, InvalidValue> {
        check_kind(&change)?;
        change.event.map(Self::from_event).transpose()
    }

    fn from_event(event: Event) -> Result<Self, InvalidValue> {
        match event {
            Event::MemberUpserted(event) => {
                let path = "member_upserted.member";
                let mut member = event
                    .member
                    .ok_or_else(|| InvalidValue::new(path, "is missing"))?;
                Ok(Self::MemberUpserted {
                    member_id: member_id(path, "member_id", member.member_id)?,
                    fields: fields("member_upserted", event.fields.as_ref(), &mut member)?,
                    member: Box::new(member),
                    existing_only: event.existing_only,
                })
            }
            Event::MemberRemoved(event) => Ok(Self::MemberRemoved {
                member_id: member_id("member_removed", "member_id", event.member_id)?,
            }),
            Event::PositionUpserted(event) => {
                let path = "position_upserted.position";
                let missing = || InvalidValue::new(path, "is missing");
                let mut position = event.position.ok_or_else(missing)?;
                check_id("position_id", position.position_id)
                    .map_err(|invalid| invalid.within(path))?;
                Ok(Self::PositionUpserted {
                    member_id: member_id("position_upserted", "member_id", event.member_id)?,
                    fields: fields("position_upserted", event.fields.as_ref(), &mut position)?,
                    position: Box::new(position),
                    existing_only: event.existing_only,
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
                existing_only: event.existing_only,
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
            Change::MemberUpserted {
                member,
                fields,
                existing_only,
                ..
            } => Event::MemberUpserted(proto::MemberUpserted {
                fields: fields.to_proto(&member),
                member: Some(*member),
                existing_only,
            }),
            Change::MemberRemoved { member_id } => Event::MemberRemoved(proto::MemberRemoved {
                member_id: member_id.get(),
            }),
            Change::PositionUpserted {
                member_id,
                position,
                fields,
                existing_only,
            } => Event::PositionUpserted(proto::PositionUpserted {
                member_id: member_id.get(),
                fields: fields.to_proto(&position),
                position: Some(*position),
                existing_only,
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
                existing_only,
            } => Event::ConnectionAdded(proto::ConnectionAdded {
                member_id: member_id.get(),
                other_id: other_id.get(),
                connected_at: time.map(time_to_proto),
                existing_only,
            }),
            Change::ConnectionRemoved {
                member_id,
                other_id,
            } => Event::ConnectionRemoved(proto::ConnectionRemoved {
                member_id: member_id.get(),
                other_id: other_id.get(),
            }),
        };
        Self {
            event: Some(event),
            skippable: false,
        }
    }
}

/// Checks only that this version knows the kind of a change, or may pass over it.
///
/// # Errors
/// If neither is so.
pub fn check_kind(change: &proto::Change) -> Result<(), InvalidValue> {
    if change.event.is_some() || change.skippable {
        return Ok(());
    }
    let reason = "is of a kind that this version does not know";
    Err(InvalidValue::new("event", reason))
}

/// Reads a time to the millisecond. Negative seconds read as 0: the rules of earlier versions did
/// not accept them either.
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
    message: &mut M,
) -> Result<Mask<M>, InvalidValue> {
    Mask::of_change(mask, message).map_err(|invalid| invalid.within(parent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, complete_change};
    use cloud_proto::databus::v1::YearMonth;
    use proptest::{
        collection::{btree_map, vec},
        option,
        prelude::{Just, Strategy, any, prop_oneof},
        proptest,
    };
    use prost::Message as _;

    /// Generates a text that rules could treat in more than one way.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[ \\t\u{a0}]{0,2}[a-z\u{1b};é ]{0,6}[ \\n]{0,2}",
            any::<String>(),
            Just("x".repeat(1024)),
            Just("y".repeat(600)),
        ]
    }

    fn id() -> impl Strategy<Value = MemberId> {
        (1..=u64::MAX).prop_filter_map("0", MemberId::new)
    }

    fn mask<M: Fields>() -> impl Strategy<Value = Mask<M>> {
        option::of(vec(0..M::FIELDS.len(), 0..12)).prop_map(|places| {
            let paths = places.map(|places| {
                let names = places
                    .into_iter()
                    .map(|place| M::FIELDS[place].name.to_owned());
                prost_types::FieldMask {
                    paths: names.collect(),
                }
            });
            Mask::from_proto(paths.as_ref()).unwrap()
        })
    }

    fn member() -> impl Strategy<Value = Member> {
        let attributes = btree_map("[a-z]{0,3}", text(), 0..4);
        (vec(text(), 10), vec(text(), 0..4), attributes).prop_map(|(texts, skills, attributes)| {
            let mut member = Member {
                skills,
                attributes,
                ..Member::default()
            };
            let fields = Member::FIELDS
                .iter()
                .filter_map(|field| match &field.value {
                    crate::Value::Text { access, .. } => Some(access),
                    _ => None,
                });
            for (access, text) in fields.zip(texts) {
                *(access.get_mut)(&mut member) = text;
            }
            member
        })
    }

    fn position() -> impl Strategy<Value = Position> {
        let date = || {
            option::of((0..10_001, 0..14_u32))
                .prop_map(|date| date.map(|(year, month)| YearMonth { year, month }))
        };
        let texts = (text(), text(), text(), text());
        (1..=u64::MAX, -1..4, texts, date(), date(), any::<bool>()).prop_map(
            |(
                position_id,
                kind,
                (title, organisation, country, organisation_id),
                from,
                to,
                current,
            )| Position {
                position_id,
                kind,
                title,
                organisation,
                country,
                from,
                to,
                current,
                organisation_id,
            },
        )
    }

    fn change() -> impl Strategy<Value = Change> {
        let time = || option::of((0..1_u64 << 45).prop_map(ConnectionTime::from_millis));
        prop_oneof![
            (id(), member(), mask(), any::<bool>()).prop_map(
                |(member_id, mut member, fields, existing_only)| {
                    member.member_id = member_id.get();
                    Change::MemberUpserted {
                        existing_only,
                        member_id,
                        member: Box::new(member),
                        fields,
                    }
                }
            ),
            id().prop_map(|member_id| Change::MemberRemoved { member_id }),
            (id(), position(), mask(), any::<bool>()).prop_map(
                |(member_id, position, fields, existing_only)| {
                    Change::PositionUpserted {
                        existing_only,
                        member_id,
                        position: Box::new(position),
                        fields,
                    }
                }
            ),
            (id(), (1..=u64::MAX).prop_filter_map("0", PositionId::new)).prop_map(
                |(member_id, position_id)| Change::PositionRemoved {
                    member_id,
                    position_id
                }
            ),
            (id(), id(), time(), any::<bool>()).prop_map(
                |(member_id, other_id, time, existing_only)| {
                    Change::ConnectionAdded {
                        existing_only,
                        member_id,
                        other_id,
                        time,
                    }
                }
            ),
            (id(), id()).prop_map(|(member_id, other_id)| {
                Change::ConnectionRemoved {
                    member_id,
                    other_id,
                }
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_typed_change_is_the_same_after_the_wire(change in change()) {
            let again = Change::from_log(proto::Change::from(change.clone()));
            assert_eq!(again, Ok(Some(change)));
        }

        #[test]
        fn rules_change_nothing_twice(change in change()) {
            let mut once = proto::Change::from(change);
            if complete_change(&mut once).is_ok() {
                let mut twice = once.clone();
                assert_eq!(complete_change(&mut twice), Ok(()));
                assert_eq!(twice, once);
            }
        }
    }

    #[test]
    fn what_no_version_let_in_is_refused() {
        let connection = |member_id, other_id| proto::Change {
            skippable: false,
            event: Some(Event::ConnectionAdded(proto::ConnectionAdded {
                existing_only: false,
                member_id,
                other_id,
                connected_at: None,
            })),
        };
        for (change, field) in [
            (
                proto::Change {
                    skippable: false,
                    event: None,
                },
                "event",
            ),
            (connection(0, 1), "connection_added.member_id"),
            (connection(1, 0), "connection_added.other_id"),
        ] {
            assert_eq!(Change::from_log(change).unwrap_err().field, field);
        }
    }

    #[test]
    fn an_unknown_kind_is_passed_over_if_it_says_so() {
        // Field 30 of Change is no kind of this version.
        let unknown = |skippable: &[u8]| {
            let bytes = [&[0xf2, 0x01, 0x00], skippable].concat();
            proto::Change::decode(&*bytes).unwrap()
        };
        let skippable = unknown(&[0xf8, 0x01, 0x01]);
        assert_eq!(Change::from_log(skippable), Ok(None));
        assert_eq!(Change::from_log(unknown(&[])).unwrap_err().field, "event");
        let known = proto::Change {
            skippable: true,
            event: Some(Event::MemberRemoved(proto::MemberRemoved { member_id: 7 })),
        };
        assert!(matches!(Change::from_log(known), Ok(Some(_))));
    }
}
