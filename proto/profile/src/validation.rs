//! What a change must be before the log takes it: ids that are not 0, text within its limits, masks that name fields.
//!
//! A change is checked once, before it is written; whoever reads the log may rely on it. The log cannot be mended later:
//! a change that nobody can apply would stop every follower for good.

use crate::limits::{
    CHANGE_BYTES_MAX, MASK_PATHS_MAX, SKILLS_MAX, SUMMARY_BYTES_MAX, TEXT_BYTES_MAX,
};
use cloud_proto::databus::v1::{
    Change, ConnectionAdded, Member, MemberUpserted, Position, PositionKind, PositionUpserted,
    YearMonth, change::Event,
};
use prost::Message as _;
use prost_types::{FieldMask, Timestamp};

/// A change that the log does not take. The publisher's mistake; sending it again does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidChange {
    /// The path of the field that is wrong, from the change: `connection_added.other_id`.
    pub field: String,
    /// What is wrong with it, and the limit where there is one.
    pub reason: String,
}

/// Checks one change; the first field that is wrong is named.
pub fn validate_change(change: &Change) -> Result<(), InvalidChange> {
    match &change.event {
        None => {
            return Err(invalid(
                "event",
                "none is set, or a kind that this version does not know",
            ));
        }
        Some(Event::MemberUpserted(event)) => member_upserted(event)?,
        Some(Event::MemberRemoved(event)) => id("member_removed.member_id", event.member_id)?,
        Some(Event::PositionUpserted(event)) => position_upserted(event)?,
        Some(Event::PositionRemoved(event)) => {
            id("position_removed.member_id", event.member_id)?;
            id("position_removed.position_id", event.position_id)?;
        }
        Some(Event::ConnectionAdded(event)) => connection_added(event)?,
        Some(Event::ConnectionRemoved(event)) => {
            pair("connection_removed", event.member_id, event.other_id)?;
        }
    }
    let bytes = change.encoded_len();
    if bytes > CHANGE_BYTES_MAX {
        return Err(invalid(
            "event",
            format!("is {bytes} bytes, more than {CHANGE_BYTES_MAX}"),
        ));
    }
    Ok(())
}

/// Checks a point in time: since 1970, before the year 10000, a valid part of a second.
pub fn validate_time(field: &str, time: &Timestamp) -> Result<(), InvalidChange> {
    const YEAR_10000_SECONDS: i64 = 253_402_300_800;
    if !(0..YEAR_10000_SECONDS).contains(&time.seconds) {
        return Err(invalid(
            field,
            format!("{} seconds is not in 1970 to 9999", time.seconds),
        ));
    }
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(invalid(
            field,
            format!("{} nanoseconds is not a part of a second", time.nanos),
        ));
    }
    Ok(())
}

fn member_upserted(event: &MemberUpserted) -> Result<(), InvalidChange> {
    const MEMBER: &str = "member_upserted.member";
    const FIELDS: [&str; 11] = [
        "member_id",
        "given_name",
        "family_name",
        "display_name",
        "headline",
        "place",
        "region",
        "country",
        "industry",
        "summary",
        "skills",
    ];
    let Some(member) = &event.member else {
        return Err(invalid(MEMBER, "is missing"));
    };
    id("member_upserted.member.member_id", member.member_id)?;
    mask("member_upserted.fields", event.fields.as_ref(), &FIELDS)?;
    let Member {
        given_name,
        family_name,
        display_name,
        headline,
        place,
        region,
        country,
        industry,
        ..
    } = member;
    let texts = [
        given_name,
        family_name,
        display_name,
        headline,
        place,
        region,
        country,
        industry,
    ];
    for (name, value) in FIELDS.iter().skip(1).zip(texts) {
        text(MEMBER, name, value, TEXT_BYTES_MAX)?;
    }
    text(MEMBER, "summary", &member.summary, SUMMARY_BYTES_MAX)?;
    if member.skills.len() > SKILLS_MAX {
        let reason = format!(
            "has {} entries, more than {SKILLS_MAX}",
            member.skills.len()
        );
        return Err(invalid("member_upserted.member.skills", reason));
    }
    for (number, skill) in member.skills.iter().enumerate() {
        text(MEMBER, &format!("skills[{number}]"), skill, TEXT_BYTES_MAX)?;
    }
    Ok(())
}

fn position_upserted(event: &PositionUpserted) -> Result<(), InvalidChange> {
    const POSITION: &str = "position_upserted.position";
    const FIELDS: [&str; 8] = [
        "position_id",
        "kind",
        "organisation",
        "title",
        "country",
        "from",
        "to",
        "current",
    ];
    id("position_upserted.member_id", event.member_id)?;
    let Some(position) = &event.position else {
        return Err(invalid(POSITION, "is missing"));
    };
    id(
        "position_upserted.position.position_id",
        position.position_id,
    )?;
    mask("position_upserted.fields", event.fields.as_ref(), &FIELDS)?;
    let Position {
        organisation,
        title,
        country,
        from,
        to,
        ..
    } = position;
    if names(event.fields.as_ref(), "kind") {
        kind("position_upserted.position.kind", position.kind)?;
    }
    for (name, value) in [
        ("organisation", organisation),
        ("title", title),
        ("country", country),
    ] {
        text(POSITION, name, value, TEXT_BYTES_MAX)?;
    }
    year_month("position_upserted.position.from", from.as_ref())?;
    year_month("position_upserted.position.to", to.as_ref())
}

fn connection_added(event: &ConnectionAdded) -> Result<(), InvalidChange> {
    pair("connection_added", event.member_id, event.other_id)?;
    event.connected_at.as_ref().map_or(Ok(()), |time| {
        validate_time("connection_added.connected_at", time)
    })
}

fn pair(event: &str, member_id: u64, other_id: u64) -> Result<(), InvalidChange> {
    id(&format!("{event}.member_id"), member_id)?;
    let other = format!("{event}.other_id");
    id(&other, other_id)?;
    if member_id == other_id {
        return Err(invalid(
            &other,
            format!("is the member itself, {member_id}"),
        ));
    }
    Ok(())
}

fn id(field: &str, value: u64) -> Result<(), InvalidChange> {
    if value == 0 {
        Err(invalid(field, "is 0"))
    } else {
        Ok(())
    }
}

fn text(parent: &str, name: &str, value: &str, bytes_max: usize) -> Result<(), InvalidChange> {
    if value.len() <= bytes_max {
        return Ok(());
    }
    Err(invalid(
        &format!("{parent}.{name}"),
        format!("is {} bytes, more than {bytes_max}", value.len()),
    ))
}

fn mask(field: &str, mask: Option<&FieldMask>, known: &[&str]) -> Result<(), InvalidChange> {
    let paths = mask.map_or(&[][..], |mask| mask.paths.as_slice());
    if paths.len() > MASK_PATHS_MAX {
        return Err(invalid(
            field,
            format!("has {} paths, more than {MASK_PATHS_MAX}", paths.len()),
        ));
    }
    match paths.iter().find(|path| !known.contains(&path.as_str())) {
        Some(path) => Err(invalid(
            field,
            format!("names the unknown field {path:.64?}"),
        )),
        None => Ok(()),
    }
}

fn names(mask: Option<&FieldMask>, field: &str) -> bool {
    mask.is_none_or(|mask| mask.paths.iter().any(|path| path == field))
}

fn kind(field: &str, value: i32) -> Result<(), InvalidChange> {
    match PositionKind::try_from(value) {
        Ok(PositionKind::Work | PositionKind::Education) => Ok(()),
        Ok(PositionKind::Unspecified) => Err(invalid(field, "is unspecified")),
        Err(_) => Err(invalid(field, format!("{value} is unknown"))),
    }
}

fn year_month(field: &str, value: Option<&YearMonth>) -> Result<(), InvalidChange> {
    let Some(value) = value else { return Ok(()) };
    if !(1..=9999).contains(&value.year) {
        return Err(invalid(
            &format!("{field}.year"),
            format!("{} is not in 1 to 9999", value.year),
        ));
    }
    if value.month > 12 {
        return Err(invalid(
            &format!("{field}.month"),
            format!("{} is not in 0 to 12", value.month),
        ));
    }
    Ok(())
}

fn invalid(field: &str, reason: impl Into<String>) -> InvalidChange {
    InvalidChange {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{ConnectionRemoved, MemberRemoved, PositionRemoved};

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
        let found = validate_change(&Change {
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
                member(|_, member| member.skills = vec![String::new(); 1001]),
                "member_upserted.member.skills",
            ),
            (
                member(|_, member| member.skills = vec![String::new(), "x".repeat(1025)]),
                "member_upserted.member.skills[1]",
            ),
            // Each field is within its limit, and all together are not.
            (
                member(|_, member| {
                    member.skills = vec!["x".repeat(1024); 1000];
                    member.summary = "x".repeat(65_536);
                }),
                "event",
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
                position(|_, position| position.kind = 0),
                "position_upserted.position.kind",
            ),
            (
                position(|_, position| position.kind = 3),
                "position_upserted.position.kind",
            ),
            (
                position(|event, position| {
                    event.fields = mask(&["title", "kind"]);
                    position.kind = 0;
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
                position.kind = 0;
            }),
            connected(1, u64::MAX, Some((0, 0))),
            connected(u64::MAX, 1, Some((253_402_300_799, 999_999_999))),
        ];
        for event in good {
            check(Some(event), None);
        }
    }
}
