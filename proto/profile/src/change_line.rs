//! A change as one line, for people and as JSON: what `cloudctl watch` and `databus dump` print, and `cloudctl publish`
//! reads.

use cloud_proto::databus::v1::{
    Change, ConnectionAdded, ConnectionRemoved, Member, MemberRemoved, MemberUpserted, Position,
    PositionKind, PositionRemoved, PositionUpserted, WindowPart, YearMonth, change::Event,
};
use prost_types::{FieldMask, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// One change, named by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of the protos, by their names")]
pub enum ChangeLine {
    MemberUpserted {
        member: MemberLine,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<String>>,
    },
    MemberRemoved {
        member_id: u64,
    },
    PositionUpserted {
        member_id: u64,
        position: PositionLine,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<String>>,
    },
    PositionRemoved {
        member_id: u64,
        position_id: u64,
    },
    ConnectionAdded {
        member_id: u64,
        other_id: u64,
        /// RFC 3339.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connected_at: Option<String>,
    },
    ConnectionRemoved {
        member_id: u64,
        other_id: u64,
    },
}

/// A member's own fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberLine {
    member_id: u64,
    given_name: String,
    family_name: String,
    display_name: String,
    headline: String,
    place: String,
    region: String,
    country: String,
    industry: String,
    summary: String,
    skills: Vec<String>,
}

/// A member's position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PositionLine {
    position_id: u64,
    kind: KindLine,
    organisation: String,
    title: String,
    country: String,
    from: Option<YearMonthLine>,
    to: Option<YearMonthLine>,
    current: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindLine {
    #[default]
    Work,
    Education,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct YearMonthLine {
    year: i32,
    #[serde(default)]
    month: u32,
}

impl TryFrom<ChangeLine> for Change {
    type Error = String;

    fn try_from(line: ChangeLine) -> Result<Self, String> {
        let mask = |fields: Option<Vec<String>>| fields.map(|paths| FieldMask { paths });
        let event = match line {
            ChangeLine::MemberUpserted { member, fields } => {
                Event::MemberUpserted(MemberUpserted {
                    member: Some(member.into()),
                    fields: mask(fields),
                })
            }
            ChangeLine::MemberRemoved { member_id } => {
                Event::MemberRemoved(MemberRemoved { member_id })
            }
            ChangeLine::PositionUpserted {
                member_id,
                position,
                fields,
            } => {
                let position = Some(position.into());
                Event::PositionUpserted(PositionUpserted {
                    member_id,
                    position,
                    fields: mask(fields),
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
            } => {
                let time = connected_at.map(|text| {
                    text.parse::<Timestamp>()
                        .map_err(|_| format!("{text:?} is no time as RFC 3339 writes it"))
                });
                let connected_at = time.transpose()?;
                Event::ConnectionAdded(ConnectionAdded {
                    member_id,
                    other_id,
                    connected_at,
                })
            }
            ChangeLine::ConnectionRemoved {
                member_id,
                other_id,
            } => Event::ConnectionRemoved(ConnectionRemoved {
                member_id,
                other_id,
            }),
        };
        Ok(Self { event: Some(event) })
    }
}

impl ChangeLine {
    /// None for a change of a kind that this version does not know.
    pub fn of(change: Change) -> Option<Self> {
        let paths = |mask: Option<FieldMask>| mask.map(|mask| mask.paths);
        Some(match change.event? {
            Event::MemberUpserted(event) => Self::MemberUpserted {
                member: event.member?.into(),
                fields: paths(event.fields),
            },
            Event::MemberRemoved(event) => Self::MemberRemoved {
                member_id: event.member_id,
            },
            Event::PositionUpserted(event) => Self::PositionUpserted {
                member_id: event.member_id,
                position: event.position?.into(),
                fields: paths(event.fields),
            },
            Event::PositionRemoved(event) => Self::PositionRemoved {
                member_id: event.member_id,
                position_id: event.position_id,
            },
            Event::ConnectionAdded(event) => Self::ConnectionAdded {
                member_id: event.member_id,
                other_id: event.other_id,
                connected_at: event.connected_at.map(|time| time.to_string()),
            },
            Event::ConnectionRemoved(event) => Self::ConnectionRemoved {
                member_id: event.member_id,
                other_id: event.other_id,
            },
        })
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
            Self::MemberUpserted { .. } | Self::PositionUpserted { .. } => {
                let json = serde_json::to_string(self).map_err(|_| fmt::Error)?;
                formatter.write_str(&json)
            }
        }
    }
}

/// A part of a window: a line for it and one for each change, and the same as JSON.
pub fn part_lines(part: WindowPart) -> (String, Value) {
    let WindowPart {
        scn,
        source_id,
        source_offset,
        commit_time,
        part,
        last,
        changes,
    } = part;
    let commit_time = commit_time.map(|time| time.to_string());
    let changes: Vec<_> = changes.into_iter().filter_map(ChangeLine::of).collect();
    let json = json!({
        "scn": scn,
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

/// The same fields on both sides.
macro_rules! same_fields {
    ($line:ident, $message:ident: $($field:ident),*) => {
        impl From<$line> for $message {
            fn from(line: $line) -> Self {
                Self { $($field: line.$field),* }
            }
        }

        impl From<$message> for $line {
            fn from(message: $message) -> Self {
                Self { $($field: message.$field),* }
            }
        }
    };
}

same_fields!(MemberLine, Member: member_id, given_name, family_name, display_name, headline, place, region, country,
    industry, summary, skills);
same_fields!(YearMonthLine, YearMonth: year, month);

impl From<PositionLine> for Position {
    fn from(line: PositionLine) -> Self {
        let PositionLine {
            position_id,
            kind,
            organisation,
            title,
            country,
            from,
            to,
            current,
        } = line;
        let kind = match kind {
            KindLine::Work => PositionKind::Work,
            KindLine::Education => PositionKind::Education,
        };
        let [from, to] = [from, to].map(|time| time.map(Into::into));
        Self {
            position_id,
            kind: kind.into(),
            organisation,
            title,
            country,
            from,
            to,
            current,
        }
    }
}

impl From<Position> for PositionLine {
    fn from(position: Position) -> Self {
        let kind = match position.kind() {
            PositionKind::Education => KindLine::Education,
            PositionKind::Work | PositionKind::Unspecified => KindLine::Work,
        };
        let Position {
            position_id,
            organisation,
            title,
            country,
            from,
            to,
            current,
            ..
        } = position;
        let [from, to] = [from, to].map(|time| time.map(Into::into));
        Self {
            position_id,
            kind,
            organisation,
            title,
            country,
            from,
            to,
            current,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_changes_and_come_back() {
        let lines = [
            r#"{"member_upserted":{"member":{"member_id":18446744073709551615,"headline":"Diver"},"fields":["headline"]}}"#,
            r#"{"member_removed":{"member_id":7}}"#,
            r#"{"position_upserted":{"member_id":7,"position":{"position_id":1,"kind":"education","from":{"year":2001}}}}"#,
            r#"{"position_removed":{"member_id":7,"position_id":1}}"#,
            r#"{"connection_added":{"member_id":7,"other_id":9,"connected_at":"2010-09-14T06:02:03.456Z"}}"#,
            r#"{"connection_removed":{"member_id":7,"other_id":9}}"#,
        ];
        for text in lines {
            let line: ChangeLine = serde_json::from_str(text).unwrap();
            let change = Change::try_from(line.clone()).unwrap();
            assert_eq!(ChangeLine::of(change), Some(line.clone()));
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
        ] {
            assert!(serde_json::from_str::<ChangeLine>(text).is_err(), "{text}");
        }
        let connected_at = Some("yesterday".to_owned());
        let line = ChangeLine::ConnectionAdded {
            member_id: 1,
            other_id: 2,
            connected_at,
        };
        assert!(Change::try_from(line).is_err());
    }
}
