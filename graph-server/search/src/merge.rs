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
