//! The profile of an answer, made from the record that the files hold, and back.
//!
//! The two types have the same fields, and no other code relies on that. So answers can change
//! without the files, and the files without the answers.

use crate::{read_mask::ReadMask, record::ProfileRecord};
use cloud_proto::{
    cloud::v1 as wire,
    databus::v1::{Member, Position, YearMonth},
};

/// Returns the profile of an answer, with the fields that the mask names.
#[must_use]
pub fn to_wire(record: ProfileRecord, mask: &ReadMask) -> wire::Profile {
    let ProfileRecord { member, positions } = mask.keep(record);
    let member = member.unwrap_or_default();
    wire::Profile {
        member_id: member.member_id,
        given_name: member.given_name,
        family_name: member.family_name,
        display_name: member.display_name,
        headline: member.headline,
        place: member.place,
        region: member.region,
        country: member.country,
        industry: member.industry,
        summary: member.summary,
        skills: member.skills,
        key: member.key,
        attributes: member.attributes,
        positions: positions.into_iter().map(position_to_wire).collect(),
    }
}

/// Returns the record of the profile of an answer.
#[must_use]
pub fn from_wire(profile: wire::Profile) -> ProfileRecord {
    ProfileRecord {
        member: Some(Member {
            member_id: profile.member_id,
            given_name: profile.given_name,
            family_name: profile.family_name,
            display_name: profile.display_name,
            headline: profile.headline,
            place: profile.place,
            region: profile.region,
            country: profile.country,
            industry: profile.industry,
            summary: profile.summary,
            skills: profile.skills,
            key: profile.key,
            attributes: profile.attributes,
        }),
        positions: profile.positions.into_iter().map(from_position).collect(),
    }
}

/// Converts a position. The kinds of both types have the same numbers, and a number that this
/// version does not know is kept.
fn position_to_wire(position: Position) -> wire::Position {
    wire::Position {
        position_id: position.position_id,
        kind: position.kind,
        organisation: position.organisation,
        title: position.title,
        country: position.country,
        from: position
            .from
            .map(|YearMonth { year, month }| wire::YearMonth { year, month }),
        to: position
            .to
            .map(|YearMonth { year, month }| wire::YearMonth { year, month }),
        current: position.current,
        organisation_id: position.organisation_id,
    }
}

fn from_position(position: wire::Position) -> Position {
    let date = |wire::YearMonth { year, month }| YearMonth { year, month };
    Position {
        position_id: position.position_id,
        kind: position.kind,
        organisation: position.organisation,
        title: position.title,
        country: position.country,
        from: position.from.map(date),
        to: position.to.map(date),
        current: position.current,
        organisation_id: position.organisation_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, Value, merge::empty_profile};
    use cloud_proto::databus::v1::PositionKind;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    /// Returns the names of the fields of a message in `cloud.v1`.
    fn fields_of(message: &str) -> Vec<String> {
        let descriptors = FileDescriptorSet::decode(cloud_proto::FILE_DESCRIPTOR_SET).unwrap();
        let files = descriptors.file.into_iter();
        let files = files.filter(|file| file.package() == "cloud.v1");
        let mut messages = files.flat_map(|file| file.message_type);
        let message = messages.find(|found| found.name() == message).unwrap();
        let names = message.field.iter().map(|field| field.name().to_owned());
        names.collect()
    }

    fn names<M: Fields>() -> Vec<String> {
        M::FIELDS
            .iter()
            .map(|field| field.name.to_owned())
            .collect()
    }

    #[track_caller]
    fn check(mut in_proto: Vec<String>, mut in_table: Vec<String>) {
        in_proto.sort();
        in_table.sort();
        assert_eq!(in_proto, in_table);
    }

    #[test]
    fn an_answer_has_the_fields_of_the_table() {
        let profile = [names::<Member>(), vec!["positions".to_owned()]].concat();
        check(fields_of("Profile"), profile);
        check(fields_of("Position"), names::<Position>());
    }

    #[test]
    fn a_record_is_the_same_after_the_wire() {
        let texts = |number: u32| format!("text {number}");
        let mut record = empty_profile(7);
        let member = record.member.as_mut().unwrap();
        for (number, field) in (0..).zip(Member::FIELDS) {
            let text = match field.value {
                Value::Id(_) => continue,
                Value::NamedTexts { .. } => format!("name={}", texts(number)),
                _ => texts(number),
            };
            field.set_from_text(member, &text).unwrap();
        }
        for (position_id, kind) in [(1, 2), (2, 99), (3, 0)] {
            record.positions.push(Position {
                position_id,
                kind,
                organisation: "Acme".to_owned(),
                title: "Boss".to_owned(),
                country: "NO".to_owned(),
                from: Some(YearMonth {
                    year: 1999,
                    month: 0,
                }),
                to: (kind == 2).then_some(YearMonth {
                    year: 2001,
                    month: 12,
                }),
                current: kind != 2,
                organisation_id: "7".to_owned(),
            });
        }
        let profile = to_wire(record.clone(), &ReadMask::all());
        assert_eq!(profile.positions.len(), 3);
        assert_eq!(from_wire(profile), record);
    }

    #[test]
    fn kinds_have_one_number() {
        for number in -1..5 {
            let of_log = PositionKind::try_from(number).map(|kind| kind.as_str_name());
            let of_answer = wire::PositionKind::try_from(number).map(|kind| kind.as_str_name());
            assert_eq!(of_log, of_answer);
        }
    }
}
