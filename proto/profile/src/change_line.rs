//! A change as one line, as readable text and as JSON.
//!
//! `cloudctl watch` and `databus dump` print the lines, and `cloudctl publish` reads them.

use crate::{
    field::{Field, Fields, Value},
    kind::Kind,
    time_text::timestamp_from_text,
};
use cloud_model::History;
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionRemoved, PositionUpserted, WindowPart, YearMonth, change::Event,
};
use prost_types::FieldMask;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use serde_json::{Value as Json, json};
use std::{collections::BTreeSet, fmt, marker::PhantomData};

/// One change, named by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of the protos, by their names")]
pub enum ChangeLine {
    MemberUpserted {
        member: Line<Member>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "is_false")]
        existing_only: bool,
    },
    MemberRemoved {
        member_id: u64,
    },
    PositionUpserted {
        member_id: u64,
        position: Line<Position>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "is_false")]
        existing_only: bool,
    },
    PositionRemoved {
        member_id: u64,
        position_id: u64,
    },
    ConnectionAdded {
        member_id: u64,
        other_id: u64,
        /// The time of the connection, as in RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connected_at: Option<String>,
        #[serde(default, skip_serializing_if = "is_false")]
        existing_only: bool,
    },
    ConnectionRemoved {
        member_id: u64,
        other_id: u64,
    },
    /// A change of a kind that this version does not know. A later version wrote it.
    Unknown {},
}

/// A member or a position as a JSON object. Its fields have the names of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line<M>(pub M);

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct YearMonthLine {
    year: i32,
    #[serde(default)]
    month: u32,
}

impl<M: Fields> Serialize for Line<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(M::FIELDS.len()))?;
        for Field { name, value, .. } in M::FIELDS {
            match value {
                Value::Id(access) => object.serialize_entry(name, (access.get)(&self.0))?,
                Value::Text { access, .. } => {
                    object.serialize_entry(name, (access.get)(&self.0))?;
                }
                Value::Texts { access, .. } => {
                    object.serialize_entry(name, (access.get)(&self.0))?;
                }
                Value::NamedTexts { access, .. } => {
                    object.serialize_entry(name, (access.get)(&self.0))?;
                }
                // An unspecified kind means work in a change that states the kind.
                Value::Kind(access) => {
                    let kind = Kind::from(*(access.get)(&self.0));
                    object.serialize_entry(name, kind.word().unwrap_or("work"))?;
                }
                Value::YearMonth(access) => {
                    let line = (access.get)(&self.0)
                        .map(|YearMonth { year, month }| YearMonthLine { year, month });
                    object.serialize_entry(name, &line)?;
                }
                Value::Truth(access) => object.serialize_entry(name, (access.get)(&self.0))?,
            }
        }
        object.end()
    }
}

impl<'de, M: Fields> Deserialize<'de> for Line<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor(PhantomData))
    }
}

struct LineVisitor<M>(PhantomData<M>);

impl<'de, M: Fields> Visitor<'de> for LineVisitor<M> {
    type Value = Line<M>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with the fields of {}", M::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Line<M>, A::Error> {
        let (mut message, mut seen) = (M::default(), BTreeSet::new());
        while let Some(name) = object.next_key::<String>()? {
            let Some(field) = M::FIELDS.iter().find(|field| field.name == name) else {
                let known: Vec<_> = M::FIELDS.iter().map(|field| field.name).collect();
                let known = known.join(", ");
                return Err(A::Error::custom(format_args!(
                    "unknown field {name:?}, expected one of {known}"
                )));
            };
            if !seen.insert(field.name) {
                return Err(A::Error::custom(format_args!("duplicate field {name:?}")));
            }
            read_field(field, &mut message, &mut object)?;
        }
        Ok(Line(message))
    }
}

/// Reads the value of a field. Kinds and dates may also be texts as in a dump.
fn read_field<'de, M, A: MapAccess<'de>>(
    field: &Field<M>,
    message: &mut M,
    object: &mut A,
) -> Result<(), A::Error> {
    match &field.value {
        Value::Id(access) => *(access.get_mut)(message) = object.next_value()?,
        Value::Text { access, .. } => *(access.get_mut)(message) = object.next_value()?,
        Value::Texts { access, .. } => *(access.get_mut)(message) = object.next_value()?,
        Value::NamedTexts { access, .. } => *(access.get_mut)(message) = object.next_value()?,
        Value::Truth(access) => *(access.get_mut)(message) = object.next_value()?,
        Value::Kind(_) => {
            let word: String = object.next_value()?;
            return from_text(field, message, &word);
        }
        Value::YearMonth(access) => match object.next_value()? {
            Json::String(text) => return from_text(field, message, &text),
            json => {
                let line: Option<YearMonthLine> = from_json(json)?;
                *(access.get_mut)(message) =
                    line.map(|YearMonthLine { year, month }| YearMonth { year, month });
            }
        },
    }
    Ok(())
}

fn from_text<M, E: serde::de::Error>(
    field: &Field<M>,
    message: &mut M,
    text: &str,
) -> Result<(), E> {
    field.set_from_text(message, text).map_err(E::custom)
}

fn from_json<T: serde::de::DeserializeOwned, E: serde::de::Error>(json: Json) -> Result<T, E> {
    serde_json::from_value(json).map_err(E::custom)
}

impl TryFrom<ChangeLine> for Change {
    type Error = String;

    fn try_from(line: ChangeLine) -> Result<Self, String> {
        let mask = |fields: Option<Vec<String>>| fields.map(|paths| FieldMask { paths });
        let event = match line {
            ChangeLine::MemberUpserted {
                member,
                fields,
                existing_only,
            } => Event::MemberUpserted(MemberUpserted {
                member: Some(member.0),
                fields: mask(fields),
                existing_only,
            }),
            ChangeLine::MemberRemoved { member_id } => {
                Event::MemberRemoved(MemberRemoved { member_id })
            }
            ChangeLine::PositionUpserted {
                member_id,
                position,
                fields,
                existing_only,
            } => {
                let position = Some(position.0);
                Event::PositionUpserted(PositionUpserted {
                    member_id,
                    position,
                    fields: mask(fields),
                    existing_only,
                })
            }
            ChangeLine::PositionRemoved {
                member_id,
                position_id,
            } => Event::PositionRemoved(PositionRemoved {
                member_id,
                position_id,
            }),
            ChangeLine::ConnectionAdded {
                member_id,
                other_id,
                connected_at,
                existing_only,
            } => {
                let time = connected_at.map(|text| timestamp_from_text("connected_at", &text));
                let connected_at = time.transpose().map_err(|it| it.to_string())?;
                Event::ConnectionAdded(ConnectionAdded {
                    member_id,
                    other_id,
                    connected_at,
                    existing_only,
                })
            }
            ChangeLine::ConnectionRemoved {
                member_id,
                other_id,
            } => Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id,
            }),
            ChangeLine::Unknown {} => {
                return Err("a change of a kind that this version does not know".to_owned());
            }
        };
        Ok(Self {
            event: Some(event),
            skippable: false,
        })
    }
}

impl From<Change> for ChangeLine {
    fn from(change: Change) -> Self {
        let paths = |mask: Option<FieldMask>| mask.map(|mask| mask.paths);
        match change.event {
            Some(Event::MemberUpserted(event)) => Self::MemberUpserted {
                member: Line(event.member.unwrap_or_default()),
                fields: paths(event.fields),
                existing_only: event.existing_only,
            },
            Some(Event::MemberRemoved(event)) => Self::MemberRemoved {
                member_id: event.member_id,
            },
            Some(Event::PositionUpserted(event)) => Self::PositionUpserted {
                member_id: event.member_id,
                position: Line(event.position.unwrap_or_default()),
                fields: paths(event.fields),
                existing_only: event.existing_only,
            },
            Some(Event::PositionRemoved(event)) => Self::PositionRemoved {
                member_id: event.member_id,
                position_id: event.position_id,
            },
            Some(Event::ConnectionAdded(event)) => Self::ConnectionAdded {
                member_id: event.member_id,
                other_id: event.other_id,
                connected_at: event.connected_at.map(|time| time.to_string()),
                existing_only: event.existing_only,
            },
            Some(Event::ConnectionRemoved(event)) => Self::ConnectionRemoved {
                member_id: event.member_id,
                other_id: event.other_id,
            },
            None => Self::Unknown {},
        }
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionAdded {
                member_id,
                other_id,
                ..
            } => write!(formatter, "{member_id} and {other_id} are connected"),
            Self::ConnectionRemoved {
                member_id,
                other_id,
            } => write!(formatter, "{member_id} and {other_id} are not connected"),
            Self::MemberRemoved { member_id } => write!(formatter, "{member_id} does not exist"),
            Self::PositionRemoved {
                member_id,
                position_id,
            } => write!(
                formatter,
                "{member_id} does not have position {position_id}"
            ),
            Self::Unknown {} => {
                formatter.write_str("a change of a kind that this version does not know")
            }
            Self::MemberUpserted { .. } | Self::PositionUpserted { .. } => {
                let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
                formatter.write_str(&json)
            }
        }
    }
}

/// Returns a part of a window as text, with a line for the window and one for each change, and as
/// JSON.
pub fn part_lines(part: WindowPart) -> (String, Json) {
    let WindowPart {
        scn,
        source_id,
        source_offset,
        commit_time,
        part,
        last,
        changes,
        history,
        ..
    } = part;
    let history = History::new(history).map(|history| history.to_string());
    let commit_time = commit_time.map(|time| time.to_string());
    let changes: Vec<_> = changes.into_iter().map(ChangeLine::from).collect();
    let json = json!({
        "scn": scn,
        "history": history,
        "source_id": source_id,
        "source_offset": source_offset,
        "commit_time": commit_time,
        "part": part,
        "last": last,
        "changes": changes,
    });
    let mut text = format!("SCN {scn}  {}\n", commit_time.unwrap_or_default());
    for change in &changes {
        text += &format!("    {change}\n");
    }
    (text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_changes_and_come_back() {
        let lines = [
            concat!(
                r#"{"member_upserted":{"member":{"member_id":18446744073709551615,"#,
                r#""headline":"Diver"},"fields":["headline"]}}"#
            ),
            r#"{"member_removed":{"member_id":7}}"#,
            concat!(
                r#"{"position_upserted":{"member_id":7,"position":{"position_id":1,"#,
                r#""kind":"education","from":{"year":2001}}}}"#
            ),
            r#"{"position_removed":{"member_id":7,"position_id":1}}"#,
            concat!(
                r#"{"connection_added":{"member_id":7,"other_id":9,"#,
                r#""connected_at":"2010-09-14T06:02:03.456Z"}}"#
            ),
            r#"{"connection_removed":{"member_id":7,"other_id":9}}"#,
        ];
        for text in lines {
            let line: ChangeLine = serde_json::from_str(text).unwrap();
            let change = Change::try_from(line.clone()).unwrap();
            assert_eq!(ChangeLine::from(change), line.clone());
            let again: ChangeLine =
                serde_json::from_str(&serde_json::to_string(&line).unwrap()).unwrap();
            assert_eq!(again, line);
        }
    }

    #[test]
    fn unknown_names_and_times_are_refused() {
        for text in [
            r#"{"moved":{}}"#,
            r#"{"member_removed":{"member_id":7,"x":1}}"#,
            r#"{"member_removed":{}}"#,
            // An id has no leading zeros, as in a dump.
            r#"{"member_removed":{"member_id":007}}"#,
            r#"{"member_removed":{"member_id":"7"}}"#,
        ] {
            assert!(serde_json::from_str::<ChangeLine>(text).is_err(), "{text}");
        }
        for (text, problem) in [
            ("yesterday", "is not a time such as 2010-04-24T05:12:27Z"),
            ("2010-04-24", "is not a time such as 2010-04-24T05:12:27Z"),
            (
                "2010-04-24 05:12:27",
                "has no zone: add Z for UTC, or an offset such as +02:00",
            ),
        ] {
            let line = ChangeLine::ConnectionAdded {
                existing_only: false,
                member_id: 1,
                other_id: 2,
                connected_at: Some(text.to_owned()),
            };
            let expected = format!("connected_at: \"{text}\" {problem}");
            assert_eq!(Change::try_from(line).unwrap_err(), expected);
        }
    }
}
