//! The rules as functions that trim, complete and check values.
//!
//! The [crate](crate#rules) states the rules.

use crate::{
    field::{Field, Fields, Value},
    invalid_value::{InvalidValue, excerpt},
    kind::Kind,
    limits::{ATTRIBUTE_NAME_BYTES_MAX, CHANGE_BYTES_MAX, TEXT_BYTES_MAX},
    mask::Mask,
};
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, Member, MemberUpserted, Position, PositionUpserted, YearMonth,
    change::Event,
};
use prost::Message as _;
use prost_types::{FieldMask, Timestamp};
use std::collections::BTreeMap;

/// The bytes of a change without a mask beside its member: two tags and two lengths.
const MEMBER_HEAD_BYTES: usize = 8;

/// Trims, completes and checks a change before it is appended to the log.
///
/// # Errors
/// If a field breaks a rule: the first such field, with its path from the change.
pub fn complete_change(change: &mut Change) -> Result<(), InvalidValue> {
    match &mut change.event {
        None => {
            let reason = "none is set, or a kind that this version does not know";
            return Err(InvalidValue::new("event", reason));
        }
        Some(Event::MemberUpserted(event)) => {
            member_upserted(event).map_err(|invalid| invalid.within("member_upserted"))?;
        }
        Some(Event::MemberRemoved(event)) => check_id("member_removed.member_id", event.member_id)?,
        Some(Event::PositionUpserted(event)) => {
            position_upserted(event).map_err(|invalid| invalid.within("position_upserted"))?;
        }
        Some(Event::PositionRemoved(event)) => {
            check_id("position_removed.member_id", event.member_id)?;
            check_id("position_removed.position_id", event.position_id)?;
        }
        Some(Event::ConnectionAdded(event)) => {
            connection_added(event).map_err(|invalid| invalid.within("connection_added"))?;
        }
        Some(Event::ConnectionRemoved(event)) => {
            check_pair(event.member_id, event.other_id)
                .map_err(|invalid| invalid.within("connection_removed"))?;
        }
    }
    check_bytes("event", change.encoded_len(), CHANGE_BYTES_MAX)
}

/// Trims, completes and checks a member without its positions. `named` are the fields that are
/// stated.
///
/// # Errors
/// If a field breaks a rule: the first such field. The field is empty if the member as a whole
/// breaks one.
pub fn complete_member(member: &mut Member, named: Mask<Member>) -> Result<(), InvalidValue> {
    check_id("member_id", member.member_id)?;
    complete_fields(member, named)?;
    let names_stated = ["given_name", "family_name", "display_name"];
    if member.display_name.is_empty() && names_stated.iter().all(|name| named.names(name)) {
        let made = format!("{} {}", member.given_name, member.family_name);
        member.display_name = made.trim().to_owned();
        let bytes = member.display_name.len();
        if bytes > TEXT_BYTES_MAX {
            let reason = format!(
                "made of given_name and family_name, is {bytes} bytes, more than {TEXT_BYTES_MAX}"
            );
            return Err(InvalidValue::new("display_name", reason));
        }
    }
    let bytes_max = CHANGE_BYTES_MAX - MEMBER_HEAD_BYTES;
    check_bytes("", member.encoded_len(), bytes_max)
}

/// Trims, completes and checks a position. `named` are the fields that are stated. The id is not
/// checked here but by [`check_id`], because a dump may omit it.
///
/// # Errors
/// If a field breaks a rule: the first such field.
pub fn complete_position(
    position: &mut Position,
    named: Mask<Position>,
) -> Result<(), InvalidValue> {
    complete_fields(position, named)?;
    let both_stated = named.names("current") && named.names("to");
    if both_stated && position.current && position.to.is_some() {
        return Err(InvalidValue::new(
            "to",
            "is set, and the position is current",
        ));
    }
    Ok(())
}

/// Checks the id of a member or a position.
///
/// # Errors
/// If it is 0.
pub fn check_id(field: &str, id: u64) -> Result<(), InvalidValue> {
    match id {
        0 => Err(InvalidValue::new(field, "is 0")),
        _ => Ok(()),
    }
}

/// Checks a point in time: not before 1970, before the year 10000, and with a valid part of a
/// second.
///
/// # Errors
/// If it is any other.
pub fn check_time(field: &str, time: &Timestamp) -> Result<(), InvalidValue> {
    const YEAR_10000_SECONDS: i64 = 253_402_300_800;
    let Timestamp { seconds, nanos } = *time;
    let reason = match (seconds, nanos) {
        (..0, _) => format!("the time {seconds} (in seconds) is before 1970"),
        (YEAR_10000_SECONDS.., _) => {
            format!("the time {seconds} (in seconds) is after the year 9999")
        }
        (_, 0..1_000_000_000) => return Ok(()),
        _ => format!("{nanos} nanoseconds is not a part of a second"),
    };
    Err(InvalidValue::new(field, reason))
}

fn member_upserted(event: &mut MemberUpserted) -> Result<(), InvalidValue> {
    let missing = || InvalidValue::new("member", "is missing");
    let member = event.member.as_mut().ok_or_else(missing)?;
    let named = Mask::from_proto(event.fields.as_ref())?;
    check_names_in(event.fields.as_ref())?;
    complete_member(member, named).map_err(|invalid| invalid.within("member"))
}

/// Checks the names of the site's own fields that a mask names, which the member need not have.
fn check_names_in(mask: Option<&FieldMask>) -> Result<(), InvalidValue> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    let names = paths.iter().filter_map(|path| path.split_once('.'));
    for (_, name) in names {
        check_name(name, ATTRIBUTE_NAME_BYTES_MAX)
            .map_err(|reason| InvalidValue::new("fields", reason))?;
    }
    Ok(())
}

fn position_upserted(event: &mut PositionUpserted) -> Result<(), InvalidValue> {
    check_id("member_id", event.member_id)?;
    let missing = || InvalidValue::new("position", "is missing");
    let position = event.position.as_mut().ok_or_else(missing)?;
    check_id("position.position_id", position.position_id)?;
    let named = Mask::from_proto(event.fields.as_ref())?;
    complete_position(position, named).map_err(|invalid| invalid.within("position"))
}

fn connection_added(event: &ConnectionAdded) -> Result<(), InvalidValue> {
    check_pair(event.member_id, event.other_id)?;
    let time = event.connected_at.as_ref();
    time.map_or(Ok(()), |time| check_time("connected_at", time))
}

fn check_pair(member_id: u64, other_id: u64) -> Result<(), InvalidValue> {
    check_id("member_id", member_id)?;
    check_id("other_id", other_id)?;
    if member_id == other_id {
        let reason = format!("is the member itself, {member_id}");
        return Err(InvalidValue::new("other_id", reason));
    }
    Ok(())
}

fn complete_fields<M: Fields>(message: &mut M, named: Mask<M>) -> Result<(), InvalidValue> {
    for field in M::FIELDS {
        let Field { name, value, .. } = field;
        match value {
            Value::Text { access, bytes_max } => {
                let text = (access.get_mut)(message);
                trim(text);
                check_text(name, text, *bytes_max)?;
            }
            Value::Texts {
                access,
                entries_max,
                bytes_max,
            } => complete_texts(name, (access.get_mut)(message), *entries_max, *bytes_max)?,
            Value::NamedTexts {
                access,
                entries_max,
                name_bytes_max,
                bytes_max,
            } => {
                let limits = (*entries_max, *name_bytes_max, *bytes_max);
                complete_named_texts(name, (access.get_mut)(message), limits)?;
            }
            Value::Kind(access) if named.names(name) => {
                complete_kind(name, (access.get_mut)(message))?;
            }
            Value::YearMonth(access) => check_year_month(name, (access.get)(message).as_ref())?,
            // A kind that is not stated keeps its value, even an unknown one.
            Value::Kind(_) | Value::Id(_) | Value::Truth(_) => {}
        }
    }
    Ok(())
}

fn complete_texts(
    name: &str,
    texts: &mut Vec<String>,
    entries_max: usize,
    bytes_max: usize,
) -> Result<(), InvalidValue> {
    texts.iter_mut().for_each(trim);
    let entries = texts.iter().filter(|text| !text.is_empty()).count();
    if entries > entries_max {
        let reason = format!("has {entries} entries, more than {entries_max}");
        return Err(InvalidValue::new(name, reason));
    }
    for (number, text) in texts.iter().enumerate() {
        // The place is that in the received list, including the empty entries.
        check_text(name, text, bytes_max).map_err(|invalid| InvalidValue {
            field: format!("{name}[{number}]"),
            ..invalid
        })?;
    }
    texts.retain(|text| !text.is_empty());
    Ok(())
}

/// Trims the texts, and checks names and texts. An entry whose text is then empty is dropped: it
/// states nothing, unless a mask names it.
fn complete_named_texts(
    field: &str,
    texts: &mut BTreeMap<String, String>,
    (entries_max, name_bytes_max, bytes_max): (usize, usize, usize),
) -> Result<(), InvalidValue> {
    texts.values_mut().for_each(trim);
    texts.retain(|_, text| !text.is_empty());
    let entries = texts.len();
    if entries > entries_max {
        let reason = format!("has {entries} entries, more than {entries_max}");
        return Err(InvalidValue::new(field, reason));
    }
    for (name, text) in texts {
        check_name(name, name_bytes_max).map_err(|reason| InvalidValue::new(field, reason))?;
        check_text(&format!("{field}.{name}"), text, bytes_max)?;
    }
    Ok(())
}

/// Checks the name of one of the site's own fields. It is part of a path, in which a comma and
/// white space separate.
fn check_name(name: &str, bytes_max: usize) -> Result<(), String> {
    let is_separator =
        |character: char| character == ',' || character.is_whitespace() || character.is_control();
    match name.len() {
        0 => Err("has an empty name".to_owned()),
        bytes if bytes > bytes_max => Err(format!(
            "has a name of {bytes} bytes, more than {bytes_max}"
        )),
        _ if name.contains(is_separator) => {
            let name = excerpt(name);
            Err(format!(
                "has the name {name}, with a comma, white space or a control character"
            ))
        }
        _ => Ok(()),
    }
}

fn complete_kind(name: &str, number: &mut i32) -> Result<(), InvalidValue> {
    match Kind::from(*number) {
        Kind::Work | Kind::Education => Ok(()),
        Kind::Unspecified => {
            *number = Kind::Work.into();
            Ok(())
        }
        Kind::Unknown(number) => Err(InvalidValue::new(name, format!("{number} is unknown"))),
    }
}

fn trim(text: &mut String) {
    let trimmed = text.trim();
    if trimmed.len() < text.len() {
        *text = trimmed.to_owned();
    }
}

fn check_text(name: &str, text: &str, bytes_max: usize) -> Result<(), InvalidValue> {
    check_bytes(name, text.len(), bytes_max)?;
    if text.contains('\0') {
        return Err(InvalidValue::new(name, "holds a NUL character"));
    }
    Ok(())
}

fn check_bytes(field: &str, bytes: usize, bytes_max: usize) -> Result<(), InvalidValue> {
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(InvalidValue::new(
        field,
        format!("is {bytes} bytes, more than {bytes_max}"),
    ))
}

fn check_year_month(name: &str, value: Option<&YearMonth>) -> Result<(), InvalidValue> {
    match value {
        Some(YearMonth { year, .. }) if !(1..=9999).contains(year) => Err(InvalidValue::new(
            format!("{name}.year"),
            format!("{year} is not in 1 to 9999"),
        )),
        Some(YearMonth { month, .. }) if *month > 12 => Err(InvalidValue::new(
            format!("{name}.month"),
            format!("{month} is not in 0 to 12"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{
        ConnectionRemoved, MemberRemoved, PositionKind, PositionRemoved,
    };

    fn member(change: impl FnOnce(&mut MemberUpserted, &mut Member)) -> Event {
        let mut member = Member {
            member_id: 1,
            ..Member::default()
        };
        let mut event = MemberUpserted::default();
        change(&mut event, &mut member);
        Event::MemberUpserted(MemberUpserted {
            member: event.member.or(Some(member)),
            ..event
        })
    }

    fn position(change: impl FnOnce(&mut PositionUpserted, &mut Position)) -> Event {
        let mut position = Position {
            position_id: 2,
            kind: PositionKind::Work as i32,
            ..Position::default()
        };
        let mut event = PositionUpserted {
            member_id: 1,
            ..PositionUpserted::default()
        };
        change(&mut event, &mut position);
        event.position = Some(position);
        Event::PositionUpserted(event)
    }

    fn connected(member_id: u64, other_id: u64, connected_at: Option<(i64, i32)>) -> Event {
        let connected_at = connected_at.map(|(seconds, nanos)| Timestamp { seconds, nanos });
        Event::ConnectionAdded(ConnectionAdded {
            existing_only: false,
            member_id,
            other_id,
            connected_at,
        })
    }

    fn mask(paths: &[&str]) -> Option<FieldMask> {
        Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        })
    }

    fn month(year: i32, month: u32) -> Option<YearMonth> {
        Some(YearMonth { year, month })
    }

    fn check(event: Option<Event>, field: Option<&str>) {
        let found = complete_change(&mut Change {
            skippable: false,
            event: event.clone(),
        });
        assert_eq!(
            found.as_ref().err().map(|invalid| invalid.field.as_str()),
            field,
            "{event:.200?}"
        );
    }

    #[test]
    fn a_bad_change_is_refused_with_its_field() {
        check(None, Some("event"));
        let bad = [
            (
                member(|_, member| member.member_id = 0),
                "member_upserted.member.member_id",
            ),
            (
                Event::MemberUpserted(MemberUpserted::default()),
                "member_upserted.member",
            ),
            (
                member(|event, _| event.fields = mask(&["headline", "head"])),
                "member_upserted.fields",
            ),
            (
                member(|event, _| event.fields = mask(&["member.headline"])),
                "member_upserted.fields",
            ),
            (
                member(|event, _| event.fields = mask(&["place"; 65])),
                "member_upserted.fields",
            ),
            (
                member(|_, member| member.given_name = "x".repeat(1025)),
                "member_upserted.member.given_name",
            ),
            (
                member(|_, member| member.industry = "é".repeat(513)),
                "member_upserted.member.industry",
            ),
            (
                member(|_, member| member.summary = "x".repeat(65_537)),
                "member_upserted.member.summary",
            ),
            (
                member(|_, member| member.skills = vec!["x".to_owned(); 1001]),
                "member_upserted.member.skills",
            ),
            (
                member(|_, member| member.skills = vec![String::new(), "x".repeat(1025)]),
                "member_upserted.member.skills[1]",
            ),
            (
                member(|_, member| member.key = "x".repeat(129)),
                "member_upserted.member.key",
            ),
            (
                member(|_, member| {
                    member.attributes = (0..33).map(|n| (n.to_string(), "x".into())).collect();
                }),
                "member_upserted.member.attributes",
            ),
            (
                member(|_, member| member.attributes = [("x".repeat(65), "x".into())].into()),
                "member_upserted.member.attributes",
            ),
            (
                member(|_, member| member.attributes = [("a,b".into(), "x".into())].into()),
                "member_upserted.member.attributes",
            ),
            (
                member(|_, member| member.attributes = [("a".into(), "x".repeat(1025))].into()),
                "member_upserted.member.attributes.a",
            ),
            (
                member(|event, _| event.fields = mask(&["attributes.a b"])),
                "member_upserted.fields",
            ),
            // Each field is within its limit, but all together are not.
            (
                member(|_, member| {
                    member.skills = vec!["x".repeat(1024); 1000];
                    member.summary = "x".repeat(65_536);
                }),
                "member_upserted.member",
            ),
            (
                member(|_, member| member.headline = "a\0b".to_owned()),
                "member_upserted.member.headline",
            ),
            (
                member(|_, member| member.skills = vec![" ".to_owned(), "\0".to_owned()]),
                "member_upserted.member.skills[1]",
            ),
            (
                member(|_, member| {
                    member.given_name = "x".repeat(600);
                    member.family_name = "y".repeat(600);
                }),
                "member_upserted.member.display_name",
            ),
            (
                position(|_, position| {
                    position.current = true;
                    position.to = month(2001, 0);
                }),
                "position_upserted.position.to",
            ),
            (
                position(|event, position| {
                    event.fields = mask(&["to", "current"]);
                    position.current = true;
                    position.to = month(2001, 0);
                }),
                "position_upserted.position.to",
            ),
            (
                Event::MemberRemoved(MemberRemoved { member_id: 0 }),
                "member_removed.member_id",
            ),
            (
                position(|event, _| event.member_id = 0),
                "position_upserted.member_id",
            ),
            (
                Event::PositionUpserted(PositionUpserted {
                    member_id: 1,
                    ..Default::default()
                }),
                "position_upserted.position",
            ),
            (
                position(|_, position| position.position_id = 0),
                "position_upserted.position.position_id",
            ),
            (
                position(|_, position| position.kind = 3),
                "position_upserted.position.kind",
            ),
            (
                position(|event, position| {
                    event.fields = mask(&["title", "kind"]);
                    position.kind = -1;
                }),
                "position_upserted.position.kind",
            ),
            (
                position(|event, _| event.fields = mask(&["headline"])),
                "position_upserted.fields",
            ),
            (
                position(|_, position| position.title = "x".repeat(1025)),
                "position_upserted.position.title",
            ),
            (
                position(|_, position| position.from = month(0, 1)),
                "position_upserted.position.from.year",
            ),
            (
                position(|_, position| position.from = month(10_000, 0)),
                "position_upserted.position.from.year",
            ),
            (
                position(|_, position| position.to = month(1999, 13)),
                "position_upserted.position.to.month",
            ),
            (
                Event::PositionRemoved(PositionRemoved {
                    member_id: 0,
                    position_id: 1,
                }),
                "position_removed.member_id",
            ),
            (
                Event::PositionRemoved(PositionRemoved {
                    member_id: 1,
                    position_id: 0,
                }),
                "position_removed.position_id",
            ),
            (connected(0, 1, None), "connection_added.member_id"),
            (connected(1, 0, None), "connection_added.other_id"),
            (connected(1, 1, None), "connection_added.other_id"),
            (
                connected(1, 2, Some((-1, 0))),
                "connection_added.connected_at",
            ),
            (
                connected(1, 2, Some((253_402_300_800, 0))),
                "connection_added.connected_at",
            ),
            (
                connected(1, 2, Some((0, -1))),
                "connection_added.connected_at",
            ),
            (
                connected(1, 2, Some((0, 1_000_000_000))),
                "connection_added.connected_at",
            ),
            (
                Event::ConnectionRemoved(ConnectionRemoved {
                    member_id: 7,
                    other_id: 7,
                }),
                "connection_removed.other_id",
            ),
            (
                Event::ConnectionRemoved(ConnectionRemoved {
                    member_id: 0,
                    other_id: 7,
                }),
                "connection_removed.member_id",
            ),
        ];
        for (event, field) in bad {
            check(Some(event), Some(field));
        }
    }

    #[test]
    fn a_good_change_is_taken() {
        let good = [
            member(|_, _| {}),
            member(|event, _| event.fields = mask(&[])),
            member(|_, member| {
                member.summary = "x".repeat(65_536);
                member.headline = "x".repeat(1024);
                member.skills = vec!["Rust".to_owned(); 1000];
            }),
            position(|_, position| (position.from, position.to) = (month(1, 0), month(9999, 12))),
            // A kind that is not named keeps its value.
            position(|event, position| {
                event.fields = mask(&["title"]);
                position.kind = 3;
            }),
            // A change that does not state both is accepted. The profile may then be current and
            // ended.
            position(|event, position| {
                event.fields = mask(&["current"]);
                position.current = true;
                position.to = month(2001, 0);
            }),
            // White space does not count.
            member(|_, member| member.headline = format!("\t{}\u{a0}\n", "x".repeat(1024))),
            member(|_, member| member.skills = vec![" ".to_owned(); 10_000]),
            // The length of a display name is checked only if the name is completed.
            member(|event, member| {
                event.fields = mask(&["given_name", "family_name"]);
                member.given_name = "x".repeat(600);
                member.family_name = "y".repeat(600);
            }),
            member(|event, member| {
                event.fields = mask(&["attributes.a", "attributes.b.c"]);
                member.attributes =
                    [("a".into(), " x ".into()), ("empty".into(), " ".into())].into();
            }),
            connected(1, u64::MAX, Some((0, 0))),
            connected(u64::MAX, 1, Some((253_402_300_799, 999_999_999))),
        ];
        for event in good {
            check(Some(event), None);
        }
    }

    #[test]
    fn a_member_is_trimmed_and_completed() {
        let complete = |fields: Option<&[&str]>| {
            let mut member = Member {
                member_id: 7,
                given_name: " Ada\t".to_owned(),
                family_name: "\u{2003}Lovelace".to_owned(),
                display_name: " \n".to_owned(),
                headline: "a\u{1b}[1mb".to_owned(),
                skills: ["", " maths ", "\t", "maths"].map(str::to_owned).to_vec(),
                ..Member::default()
            };
            let fields = fields.and_then(mask);
            let named = Mask::from_proto(fields.as_ref()).unwrap();
            complete_member(&mut member, named).unwrap();
            member
        };
        let member = complete(None);
        assert_eq!(member.display_name, "Ada Lovelace");
        assert_eq!(member.headline, "a\u{1b}[1mb");
        assert_eq!(member.skills, ["maths", "maths"]);
        assert_eq!(
            (&*member.given_name, &*member.family_name),
            ("Ada", "Lovelace")
        );
        let all_three = ["display_name", "given_name", "family_name"];
        assert_eq!(complete(Some(&all_three)).display_name, "Ada Lovelace");
        assert_eq!(complete(Some(&all_three[..2])).display_name, "");
    }

    #[test]
    fn a_position_without_a_kind_is_work_where_the_kind_is_stated() {
        for (fields, kind) in [
            (None, Kind::Work),
            (mask(&["kind"]), Kind::Work),
            (mask(&["title"]), Kind::Unspecified),
        ] {
            let mut position = Position::default();
            let named = Mask::from_proto(fields.as_ref()).unwrap();
            complete_position(&mut position, named).unwrap();
            assert_eq!(Kind::from(position.kind), kind, "{fields:?}");
        }
    }
}
