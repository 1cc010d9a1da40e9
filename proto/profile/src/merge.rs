//! Applies changes to profiles: only the fields that the mask names take the new values.
//!
//! A change that would exceed a [`Bound`], and an upsert with another key than the member's, leave
//! the profile as it is.

use crate::{
    bound::Bound,
    field::Fields,
    key_conflict::KeyConflict,
    limits::{ATTRIBUTES_MAX, POSITIONS_MAX, PROFILE_BYTES_MAX},
    mask::Mask,
    merge_error::MergeError,
    record::ProfileRecord,
};
use cloud_proto::databus::v1::{Member, Position};
use prost::Message as _;
use std::{cmp::Reverse, mem};

/// Returns the profile of a member of whom only the id is known.
#[must_use]
pub fn empty_profile(member_id: u64) -> ProfileRecord {
    ProfileRecord {
        member: Some(Member {
            member_id,
            ..Member::default()
        }),
        positions: Vec::new(),
    }
}

/// Gives the fields of the member that the mask names these values.
///
/// An upsert that states no key, or an empty one, is about the member with this id, whatever the
/// key. An empty one removes the key.
///
/// # Errors
/// If the profile would exceed a bound, or the member has another key. It is then unchanged.
pub fn upsert_member(
    profile: &mut ProfileRecord,
    member: Member,
    fields: Mask<Member>,
) -> Result<(), MergeError> {
    let mut old = profile.member.take().unwrap_or_default();
    if fields.names("key") && is_other_key(&old.key, &member.key) {
        let conflict = KeyConflict {
            member_id: member.member_id,
            kept: old.key.clone(),
            stated: member.key,
        };
        profile.member = Some(old);
        return Err(conflict.into());
    }
    old.member_id = member.member_id;
    let merged = merge(old.clone(), member, fields);
    if merged.attributes.len() > ATTRIBUTES_MAX.max(old.attributes.len()) {
        profile.member = Some(old);
        return Err(Bound::Attributes.into());
    }
    let has_grown = merged.encoded_len() > old.encoded_len();
    profile.member = Some(merged);
    if has_grown && profile.encoded_len() > PROFILE_BYTES_MAX {
        profile.member = Some(old);
        return Err(Bound::Bytes.into());
    }
    Ok(())
}

/// Returns whether a stated key is another one than a member's.
fn is_other_key(kept: &str, stated: &str) -> bool {
    !kept.is_empty() && !stated.is_empty() && kept != stated
}

/// Gives the fields of the position that the mask names these values. A position that the profile
/// does not have is added.
///
/// # Errors
/// If the profile would exceed a bound. It is then unchanged.
pub fn upsert_position(
    profile: &mut ProfileRecord,
    position: Position,
    fields: Mask<Position>,
) -> Result<(), Bound> {
    let same = |other: &Position| other.position_id == position.position_id;
    let Some(index) = profile.positions.iter().position(same) else {
        if profile.positions.len() >= POSITIONS_MAX {
            return Err(Bound::Positions);
        }
        let named = Position {
            position_id: position.position_id,
            ..Position::default()
        };
        profile.positions.push(merge(named, position, fields));
        if profile.encoded_len() > PROFILE_BYTES_MAX {
            profile.positions.pop();
            return Err(Bound::Bytes);
        }
        sort_positions(&mut profile.positions);
        return Ok(());
    };
    let Some(place) = profile.positions.get_mut(index) else {
        return Ok(());
    };
    let merged = merge(place.clone(), position, fields);
    let has_grown = merged.encoded_len() > place.encoded_len();
    let old = mem::replace(place, merged);
    if has_grown && profile.encoded_len() > PROFILE_BYTES_MAX {
        if let Some(place) = profile.positions.get_mut(index) {
            *place = old;
        }
        return Err(Bound::Bytes);
    }
    sort_positions(&mut profile.positions);
    Ok(())
}

/// Removes this position from the profile.
pub fn remove_position(profile: &mut ProfileRecord, position_id: u64) {
    profile
        .positions
        .retain(|position| position.position_id != position_id);
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

/// Gives the fields that the mask names their new values.
pub(crate) fn merge<M: Fields>(mut old: M, mut new: M, fields: Mask<M>) -> M {
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
            } else {
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
            let mut profile = ProfileRecord {
                member: Some(old.clone()),
                positions: Vec::new(),
            };
            assert_eq!(upsert_member(&mut profile, new.clone(), fields), Ok(()));
            assert_eq!(profile.member, Some(expected), "{paths:?}");
        }
        let mut created = empty_profile(7);
        assert_eq!(
            upsert_member(&mut created, new, mask(&["headline"])),
            Ok(())
        );
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
            upsert_position(&mut profile, new, Mask::all()).unwrap();
        }
        let order = |profile: &ProfileRecord| -> Vec<u64> {
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
        upsert_position(&mut profile, ended, mask(&["current"])).unwrap();
        assert_eq!(order(&profile), [3, 1, 2, 9, 4, 5]);
        assert_eq!(profile.positions[1].title, "title 1");
        assert_eq!(
            profile.positions[1].from,
            Some(YearMonth {
                year: 2010,
                month: 1
            })
        );

        remove_position(&mut profile, 2);
        remove_position(&mut profile, 77);
        assert_eq!(order(&profile), [3, 1, 9, 4, 5]);
    }

    fn titled(position_id: u64, bytes: usize) -> Position {
        Position {
            position_id,
            title: "x".repeat(bytes),
            ..Position::default()
        }
    }

    /// Checks that the change is refused with this error, and leaves the profile as it is.
    #[track_caller]
    fn check_refused<E: Into<MergeError>>(
        profile: &mut ProfileRecord,
        error: impl Into<MergeError>,
        change: impl FnOnce(&mut ProfileRecord) -> Result<(), E>,
    ) {
        let before = profile.clone();
        assert_eq!(change(profile).map_err(Into::into), Err(error.into()));
        assert_eq!(*profile, before);
    }

    #[test]
    fn a_member_keeps_its_key() {
        let keyed = |key: &str, headline: &str| Member {
            key: key.to_owned(),
            ..member(headline, "Oslo", &["bread"])
        };
        let conflict = |stated: &str| KeyConflict {
            member_id: 7,
            kept: "one".to_owned(),
            stated: stated.to_owned(),
        };
        let both = &["key", "headline"][..];
        let mut profile = empty_profile(7);
        let mut state = |member: Member, fields| upsert_member(&mut profile, member, fields);
        // The first key is kept, and stated again without an effect of its own.
        assert_eq!(state(keyed("", "Baker"), Mask::all()), Ok(()));
        assert_eq!(state(keyed("one", "Engineer"), mask(both)), Ok(()));
        assert_eq!(state(keyed("one", "Painter"), Mask::all()), Ok(()));
        // A change that does not state the key is about the member with this id.
        assert_eq!(state(keyed("two", "Clerk"), mask(&["headline"])), Ok(()));
        assert_eq!(profile.member, Some(keyed("one", "Clerk")));
        // Another key: no field of the change has an effect.
        profile.positions.push(titled(1, 10));
        for (stated, fields) in [
            ("two", mask(both)),
            ("ONE", Mask::all()),
            ("one ", mask(&["key"])),
        ] {
            check_refused(&mut profile, conflict(stated), |profile| {
                upsert_member(profile, keyed(stated, "Thief"), fields)
            });
        }
        // An emptied key makes room for another one.
        let mut state = |member: Member, fields| upsert_member(&mut profile, member, fields);
        assert_eq!(state(keyed("", "Clerk"), mask(&["key"])), Ok(()));
        assert_eq!(state(keyed("two", "Clerk"), mask(&["key"])), Ok(()));
        assert_eq!(profile.member, Some(keyed("two", "Clerk")));
    }

    #[test]
    fn a_member_has_a_bounded_number_of_positions() {
        let mut profile = empty_profile(7);
        let add =
            |profile: &mut ProfileRecord, id| upsert_position(profile, titled(id, 1), Mask::all());
        for id in 1..=POSITIONS_MAX as u64 {
            assert_eq!(add(&mut profile, id), Ok(()));
        }
        check_refused(&mut profile, Bound::Positions, |profile| add(profile, 5000));
        // One that is there is changed, and a removed one makes room.
        assert_eq!(
            upsert_position(&mut profile, titled(3, 9), Mask::all()),
            Ok(())
        );
        remove_position(&mut profile, 3);
        assert_eq!(add(&mut profile, 5000), Ok(()));
        // A profile of an earlier version keeps what it has.
        profile.positions.push(titled(6000, 1));
        assert_eq!(add(&mut profile, 6000), Ok(()));
        remove_position(&mut profile, 7);
        check_refused(&mut profile, Bound::Positions, |profile| add(profile, 7));
        assert_eq!(profile.positions.len(), POSITIONS_MAX);
    }

    #[test]
    fn a_member_has_a_bounded_number_of_attributes() {
        let mut profile = empty_profile(7);
        // An empty text removes the attribute.
        let state = |profile: &mut ProfileRecord, texts: &[(&str, &str)]| {
            let paths: Vec<_> = texts
                .iter()
                .map(|(name, _)| format!("attributes.{name}"))
                .collect();
            let texts = texts
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            let member = Member {
                member_id: 7,
                attributes: texts.collect(),
                ..Member::default()
            };
            let paths: Vec<_> = paths.iter().map(String::as_str).collect();
            upsert_member(profile, member, mask(&paths))
        };
        for number in 0..ATTRIBUTES_MAX {
            let name = format!("a{number:02}");
            assert_eq!(state(&mut profile, &[(&name, "x")]), Ok(()));
        }
        // A change has no effect as a whole.
        check_refused(&mut profile, Bound::Attributes, |profile| {
            state(profile, &[("a00", "y"), ("more", "x")])
        });
        assert_eq!(state(&mut profile, &[("a00", "y")]), Ok(()));
        assert_eq!(state(&mut profile, &[("a00", ""), ("more", "x")]), Ok(()));
        let attributes = &profile.member.as_ref().unwrap().attributes;
        assert_eq!(attributes.len(), ATTRIBUTES_MAX);
        assert!(attributes.contains_key("more") && !attributes.contains_key("a00"));
    }

    #[test]
    fn a_profile_has_a_bounded_size() {
        let mut profile = empty_profile(7);
        let position = |profile: &mut ProfileRecord, id, bytes| {
            upsert_position(profile, titled(id, bytes), Mask::all())
        };
        let headline = |profile: &mut ProfileRecord, bytes| {
            let member = member(&"x".repeat(bytes), "", &[]);
            upsert_member(profile, member, Mask::all())
        };
        assert_eq!(position(&mut profile, 1, PROFILE_BYTES_MAX / 2), Ok(()));
        check_refused(&mut profile, Bound::Bytes, |profile| {
            position(profile, 2, PROFILE_BYTES_MAX / 2)
        });
        check_refused(&mut profile, Bound::Bytes, |profile| {
            position(profile, 1, PROFILE_BYTES_MAX)
        });
        check_refused(&mut profile, Bound::Bytes, |profile| {
            headline(profile, PROFILE_BYTES_MAX / 2)
        });
        // To the byte.
        let room = PROFILE_BYTES_MAX - profile.encoded_len();
        let mut added = room;
        while position(&mut profile, 2, added).is_err() {
            added -= 1;
        }
        assert_eq!(profile.encoded_len(), PROFILE_BYTES_MAX);
        check_refused(&mut profile, Bound::Bytes, |profile| {
            position(profile, 2, added + 1)
        });
        check_refused(&mut profile, Bound::Bytes, |profile| headline(profile, 1));
        // A profile of an earlier version that is over the bound may shrink, but not grow.
        profile.positions.push(titled(3, PROFILE_BYTES_MAX));
        assert_eq!(position(&mut profile, 3, PROFILE_BYTES_MAX - 1), Ok(()));
        assert_eq!(position(&mut profile, 2, added), Ok(()));
        check_refused(&mut profile, Bound::Bytes, |profile| {
            position(profile, 2, added + 1)
        });
        assert!(profile.encoded_len() > PROFILE_BYTES_MAX);
    }
}
