//! Applies changes to profiles: only the fields that the mask names take the new values.
//!
//! An absent profile means that the member does not exist.

use crate::{field::Fields, limits::ATTRIBUTES_MAX, mask::Mask};
use cloud_proto::{
    cloud::v1::Profile,
    databus::v1::{Member, Position},
};
use std::cmp::Reverse;

/// Returns the profile of a member of whom only the id is known.
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

/// Returns the profile after an upsert of the member, in which the fields that the mask names take
/// these values.
#[must_use]
pub fn upsert_member(profile: Option<Profile>, member: Member, fields: Mask<Member>) -> Profile {
    let mut profile = profile.unwrap_or_else(|| empty_profile(member.member_id));
    let mut old = profile.member.take().unwrap_or_default();
    old.member_id = member.member_id;
    profile.member = Some(merge(old, member, fields));
    profile
}

/// Returns the profile after an upsert of the position, in which the fields that the mask names
/// take these values.
#[must_use]
pub fn upsert_position(
    mut profile: Profile,
    position: Position,
    fields: Mask<Position>,
) -> Profile {
    let same = |other: &Position| other.position_id == position.position_id;
    let old = profile
        .positions
        .iter()
        .position(same)
        .map(|index| profile.positions.swap_remove(index));
    let mut old = old.unwrap_or_default();
    old.position_id = position.position_id;
    profile.positions.push(merge(old, position, fields));
    sort_positions(&mut profile.positions);
    profile
}

/// Returns the profile without this position.
#[must_use]
pub fn remove_position(mut profile: Profile, position_id: u64) -> Profile {
    profile
        .positions
        .retain(|position| position.position_id != position_id);
    profile
}

/// Sorts positions: current ones first, then those with the latest begin (those without one last),
/// then by id.
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

/// Gives the fields that the mask names their new values. A single text beyond [`ATTRIBUTES_MAX`]
/// is not kept.
fn merge<M: Fields>(mut old: M, mut new: M, fields: Mask<M>) -> M {
    if fields == Mask::all() {
        return new;
    }
    for field in fields.fields() {
        field.move_value(&mut new, &mut old);
    }
    if let Some((_, texts)) = fields.single_texts() {
        let kept = (texts.get_mut)(&mut old);
        for (name, text) in std::mem::take((texts.get_mut)(&mut new)) {
            if text.is_empty() {
                kept.remove(&name);
            } else if kept.contains_key(&name) || kept.len() < ATTRIBUTES_MAX {
                kept.insert(name, text);
            }
        }
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{PositionKind, YearMonth};
    use prost_types::FieldMask;

    fn member(headline: &str, place: &str, skills: &[&str]) -> Member {
        Member {
            member_id: 7,
            headline: headline.to_owned(),
            place: place.to_owned(),
            skills: skills.iter().map(|&skill| skill.to_owned()).collect(),
            ..Member::default()
        }
    }

    fn mask<M: Fields>(paths: &[&str]) -> Mask<M> {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        Mask::from_proto(Some(&FieldMask { paths })).unwrap()
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
            let fields = paths.map_or(Mask::all(), mask);
            let profile = Profile {
                member: Some(old.clone()),
                positions: Vec::new(),
            };
            let merged = upsert_member(Some(profile), new.clone(), fields);
            assert_eq!(merged.member, Some(expected), "{paths:?}");
        }
        let created = upsert_member(None, new.clone(), mask(&["headline"]));
        assert_eq!(created.member, Some(member("Engineer", "", &[])));
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
            profile = upsert_position(profile, new, Mask::all());
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
        profile = upsert_position(profile, ended, mask(&["current"]));
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
