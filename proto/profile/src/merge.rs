//! What a change does to a profile: the fields that its mask names take the new values, the others keep theirs.
//!
//! A profile that is absent belongs to a member who does not exist.

use cloud_proto::{
    cloud::v1::Profile,
    databus::v1::{Member, Position},
};
use prost_types::FieldMask;
use std::cmp::Reverse;

/// A path of a field mask that names no field. The log's edge refuses such changes; inside it is an error to meet one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} has no field {path:?}")]
pub struct UnknownPath {
    /// The message's name.
    pub message: &'static str,
    /// The path.
    pub path: String,
}

/// The profile of a member of whom nothing but the id is known.
#[must_use]
pub fn empty_profile(member_id: u64) -> Profile {
    Profile {
        member: Some(Member {
            member_id,
            ..Member::default()
        }),
        positions: Vec::new(),
    }
}

/// The member exists, and the fields that the mask names (absent: all) have these values.
///
/// # Errors
/// The profile is then unchanged.
pub fn upsert_member(
    profile: Option<Profile>,
    member: Member,
    fields: Option<&FieldMask>,
) -> Result<Profile, UnknownPath> {
    let mut profile = profile.unwrap_or_else(|| empty_profile(member.member_id));
    let merged = merge_member(profile.member.take().unwrap_or_default(), member, fields)?;
    profile.member = Some(merged);
    Ok(profile)
}

/// The member has this position, and the fields that the mask names (absent: all) have these values.
///
/// # Errors
/// On an unknown path.
pub fn upsert_position(
    mut profile: Profile,
    position: Position,
    fields: Option<&FieldMask>,
) -> Result<Profile, UnknownPath> {
    let same = |other: &Position| other.position_id == position.position_id;
    let old = profile
        .positions
        .iter()
        .position(same)
        .map(|index| profile.positions.swap_remove(index));
    let merged = merge_position(old.unwrap_or_default(), position, fields)?;
    profile.positions.push(merged);
    sort_positions(&mut profile.positions);
    Ok(profile)
}

/// The member does not have this position.
#[must_use]
pub fn remove_position(mut profile: Profile, position_id: u64) -> Profile {
    profile
        .positions
        .retain(|position| position.position_id != position_id);
    profile
}

/// Current ones first, then the latest begun (those without a beginning last), then by id.
pub fn sort_positions(positions: &mut [Position]) {
    positions.sort_by_key(|position| {
        let from = position.from.map(|from| (from.year, from.month));
        (
            Reverse(position.current),
            Reverse(from),
            position.position_id,
        )
    });
}

fn merge_member(
    mut old: Member,
    new: Member,
    fields: Option<&FieldMask>,
) -> Result<Member, UnknownPath> {
    let Some(fields) = fields else {
        return Ok(new);
    };
    old.member_id = new.member_id;
    for path in &fields.paths {
        match path.as_str() {
            "member_id" => {}
            "given_name" => old.given_name.clone_from(&new.given_name),
            "family_name" => old.family_name.clone_from(&new.family_name),
            "display_name" => old.display_name.clone_from(&new.display_name),
            "headline" => old.headline.clone_from(&new.headline),
            "place" => old.place.clone_from(&new.place),
            "region" => old.region.clone_from(&new.region),
            "country" => old.country.clone_from(&new.country),
            "industry" => old.industry.clone_from(&new.industry),
            "summary" => old.summary.clone_from(&new.summary),
            "skills" => old.skills.clone_from(&new.skills),
            _ => {
                return Err(UnknownPath {
                    message: "Member",
                    path: path.clone(),
                });
            }
        }
    }
    Ok(old)
}

fn merge_position(
    mut old: Position,
    new: Position,
    fields: Option<&FieldMask>,
) -> Result<Position, UnknownPath> {
    let Some(fields) = fields else {
        return Ok(new);
    };
    old.position_id = new.position_id;
    for path in &fields.paths {
        match path.as_str() {
            "position_id" => {}
            "kind" => old.kind = new.kind,
            "organisation" => old.organisation.clone_from(&new.organisation),
            "title" => old.title.clone_from(&new.title),
            "country" => old.country.clone_from(&new.country),
            "from" => old.from = new.from,
            "to" => old.to = new.to,
            "current" => old.current = new.current,
            _ => {
                return Err(UnknownPath {
                    message: "Position",
                    path: path.clone(),
                });
            }
        }
    }
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{PositionKind, YearMonth};

    fn member(headline: &str, place: &str, skills: &[&str]) -> Member {
        Member {
            member_id: 7,
            headline: headline.to_owned(),
            place: place.to_owned(),
            skills: skills.iter().map(|&skill| skill.to_owned()).collect(),
            ..Member::default()
        }
    }

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }
    }

    #[test]
    fn masks_choose_what_changes_of_a_member() {
        let old = member("Baker", "Oslo", &["bread"]);
        let new = member("Engineer", "", &["rust", "sql"]);
        let cases: [(Option<&[&str]>, Member); 6] = [
            (None, new.clone()),
            (Some(&[]), old.clone()),
            (Some(&["headline"]), member("Engineer", "Oslo", &["bread"])),
            (Some(&["place"]), member("Baker", "", &["bread"])),
            (
                Some(&["skills", "member_id"]),
                member("Baker", "Oslo", &["rust", "sql"]),
            ),
            (
                Some(&["headline", "headline", "place", "skills"]),
                new.clone(),
            ),
        ];
        for (paths, expected) in cases {
            let fields = paths.map(mask);
            let profile = Profile {
                member: Some(old.clone()),
                positions: Vec::new(),
            };
            let merged = upsert_member(Some(profile), new.clone(), fields.as_ref()).unwrap();
            assert_eq!(merged.member, Some(expected), "{paths:?}");
        }
        let created = upsert_member(None, new.clone(), Some(&mask(&["headline"]))).unwrap();
        assert_eq!(created.member, Some(member("Engineer", "", &[])));
    }

    #[test]
    fn every_field_can_be_named_and_no_other() {
        let members = [
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
        assert!(upsert_member(None, member("", "", &[]), Some(&mask(&members))).is_ok());
        let positions = [
            "position_id",
            "kind",
            "organisation",
            "title",
            "country",
            "from",
            "to",
            "current",
        ];
        let position = || Position {
            position_id: 1,
            ..Position::default()
        };
        assert!(upsert_position(empty_profile(7), position(), Some(&mask(&positions))).is_ok());
        for path in ["", "positions", "Headline", "member.headline", "*"] {
            let unknown = |message| UnknownPath {
                message,
                path: path.to_owned(),
            };
            let fields = mask(&[path]);
            assert_eq!(
                upsert_member(None, member("", "", &[]), Some(&fields)),
                Err(unknown("Member"))
            );
            let refused = upsert_position(empty_profile(7), position(), Some(&fields));
            assert_eq!(refused, Err(unknown("Position")));
        }
    }

    #[test]
    fn positions_merge_by_id_and_stand_in_order() {
        let position = |position_id, current, from: Option<(i32, u32)>| Position {
            position_id,
            kind: PositionKind::Work.into(),
            title: format!("title {position_id}"),
            current,
            from: from.map(|(year, month)| YearMonth { year, month }),
            ..Position::default()
        };
        let mut profile = empty_profile(7);
        for new in [
            position(5, false, None),
            position(4, false, Some((2001, 0))),
            position(3, true, Some((1999, 0))),
            position(2, false, Some((2001, 5))),
            position(9, false, Some((2001, 5))),
            position(1, true, Some((2010, 1))),
        ] {
            profile = upsert_position(profile, new, None).unwrap();
        }
        let order = |profile: &Profile| -> Vec<u64> {
            profile
                .positions
                .iter()
                .map(|position| position.position_id)
                .collect()
        };
        assert_eq!(order(&profile), [1, 3, 2, 9, 4, 5]);

        let ended = Position {
            position_id: 1,
            title: "not named".to_owned(),
            ..Position::default()
        };
        profile = upsert_position(profile, ended, Some(&mask(&["current"]))).unwrap();
        assert_eq!(order(&profile), [3, 1, 2, 9, 4, 5]);
        assert_eq!(profile.positions[1].title, "title 1");
        assert_eq!(
            profile.positions[1].from,
            Some(YearMonth {
                year: 2010,
                month: 1
            })
        );

        profile = remove_position(profile, 2);
        profile = remove_position(profile, 77);
        assert_eq!(order(&profile), [3, 1, 9, 4, 5]);
    }
}
