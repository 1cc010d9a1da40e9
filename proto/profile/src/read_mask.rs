//! The fields of profiles that a read asks for.
//!
//! The paths are those of the profile of an answer: a field of the member by its name, `positions`
//! for whole positions, and `positions.title` for a field of each position. One of the site's own
//! fields is `attributes.<name>`.

use crate::{
    field::Fields as _,
    invalid_value::{InvalidValue, excerpt},
    limits::MASK_PATHS_MAX,
    mask::{Mask, named_text},
    merge::merge,
    record::ProfileRecord,
};
use cloud_proto::databus::v1::{Member, Position};
use prost_types::FieldMask;
use std::collections::BTreeSet;

/// A set of fields of a profile.
///
/// The ids of the member and of positions are in every set: they say which one is meant. Without
/// positions in the set, a profile has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadMask {
    member: Mask<Member>,
    /// The names of single attributes, which are kept even if `member` does not name all.
    attributes: BTreeSet<String>,
    /// The fields of positions. Without them, a profile has no positions.
    positions: Option<Mask<Position>>,
}

/// The path of whole positions, and the beginning of the paths of their fields.
const POSITIONS: &str = "positions";

/// The path of every field (AIP-157).
const EVERY_FIELD: &str = "*";

impl ReadMask {
    /// Returns the mask that names every field.
    #[must_use]
    pub fn all() -> Self {
        Self {
            member: Mask::all(),
            attributes: BTreeSet::new(),
            positions: Some(Mask::all()),
        }
    }

    /// Returns the mask of these paths. An absent mask, or one without paths, names every field.
    ///
    /// # Errors
    /// If a path is not that of a field, or there are more than [`MASK_PATHS_MAX`]. The error's
    /// field is the place of the path, such as `paths[2]`, or `paths`.
    pub fn from_proto(mask: Option<&FieldMask>) -> Result<Self, InvalidValue> {
        let paths = mask.map_or(&[][..], |mask| &mask.paths);
        if paths.is_empty() {
            return Ok(Self::all());
        }
        if paths.len() > MASK_PATHS_MAX {
            let reason = format!("has {} paths, more than {MASK_PATHS_MAX}", paths.len());
            return Err(InvalidValue::new("paths", reason));
        }
        let none = Self {
            member: Mask::none(),
            attributes: BTreeSet::new(),
            positions: None,
        };
        (paths.iter().enumerate()).try_fold(none, |mask, (place, path)| {
            let unknown = || {
                let reason = format!("is not a field of a profile: {}", excerpt(path));
                InvalidValue::new(format!("paths[{place}]"), reason)
            };
            mask.with_path(path).ok_or_else(unknown)
        })
    }

    /// Returns the record with the fields of the mask only.
    #[must_use]
    pub fn keep(&self, record: ProfileRecord) -> ProfileRecord {
        let ProfileRecord { member, positions } = record;
        let member = member.unwrap_or_default();
        let attributes = member.attributes.iter();
        let attributes = attributes.filter(|(name, _)| self.attributes.contains(*name));
        let named = Member {
            member_id: member.member_id,
            attributes: attributes
                .map(|(name, text)| (name.clone(), text.clone()))
                .collect(),
            ..Member::default()
        };
        let of_position = |mask| {
            move |position: Position| {
                let named = Position {
                    position_id: position.position_id,
                    ..Position::default()
                };
                merge(named, position, mask)
            }
        };
        let positions = match self.positions {
            Some(mask) if mask == Mask::all() => positions,
            Some(mask) => positions.into_iter().map(of_position(mask)).collect(),
            None => Vec::new(),
        };
        ProfileRecord {
            member: Some(merge(named, member, self.member)),
            positions,
        }
    }

    fn with_path(mut self, path: &str) -> Option<Self> {
        if let Some(name) = named_text(Member::FIELDS, path) {
            self.attributes.insert(name.to_owned());
            return Some(self);
        }
        match path.split_once('.') {
            None if path == EVERY_FIELD => Some(Self::all()),
            None if path == POSITIONS => Some(Self {
                positions: Some(Mask::all()),
                ..self
            }),
            None => Some(Self {
                member: self.member.with_name(path)?,
                ..self
            }),
            Some((POSITIONS, name)) => Some(Self {
                positions: Some(self.positions.unwrap_or(Mask::none()).with_name(name)?),
                ..self
            }),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, Value};
    use cloud_proto::databus::v1::YearMonth;
    use proptest::{prelude::*, sample::subsequence};

    fn mask(paths: &[&str]) -> Result<ReadMask, InvalidValue> {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        ReadMask::from_proto(Some(&FieldMask { paths }))
    }

    /// Returns a message in which no field has its absent value.
    fn full<M: Fields>(number: u64) -> M {
        let mut message = M::default();
        for field in M::FIELDS {
            let text = || format!("{} {number}", field.name);
            match &field.value {
                Value::Id(access) => *(access.get_mut)(&mut message) = number,
                Value::Text { access, .. } => *(access.get_mut)(&mut message) = text(),
                Value::Texts { access, .. } => *(access.get_mut)(&mut message) = vec![text()],
                Value::NamedTexts { access, .. } => {
                    let texts = ["team", "floor.no"].map(|name| (name.to_owned(), text()));
                    *(access.get_mut)(&mut message) = texts.into();
                }
                Value::Kind(access) => *(access.get_mut)(&mut message) = 2,
                Value::YearMonth(access) => {
                    *(access.get_mut)(&mut message) = Some(YearMonth {
                        year: 2001,
                        month: 2,
                    });
                }
                Value::Truth(access) => *(access.get_mut)(&mut message) = true,
            }
        }
        message
    }

    fn record() -> ProfileRecord {
        ProfileRecord {
            member: Some(full(7)),
            positions: vec![full(1), full(2)],
        }
    }

    /// Sets every field that is not in `kept` to its absent value: a projection by name.
    fn projected<M: Fields>(mut message: M, kept: &[&str]) -> M {
        for field in M::FIELDS {
            if kept.contains(&field.name) {
                continue;
            }
            match &field.value {
                Value::Id(_) => {}
                Value::Text { access, .. } => (access.get_mut)(&mut message).clear(),
                Value::Texts { access, .. } => (access.get_mut)(&mut message).clear(),
                Value::NamedTexts { access, .. } => (access.get_mut)(&mut message).clear(),
                Value::Kind(access) => *(access.get_mut)(&mut message) = 0,
                Value::YearMonth(access) => *(access.get_mut)(&mut message) = None,
                Value::Truth(access) => *(access.get_mut)(&mut message) = false,
            }
        }
        message
    }

    fn names<M: Fields>() -> Vec<&'static str> {
        M::FIELDS.iter().map(|field| field.name).collect()
    }

    proptest! {
        #[test]
        fn a_mask_keeps_what_a_projection_by_name_keeps(
            of_member in subsequence(names::<Member>(), 1..=names::<Member>().len()),
            of_position in subsequence(names::<Position>(), 0..=names::<Position>().len()),
        ) {
            let mut paths: Vec<_> = of_member.iter().map(|&name| name.to_owned()).collect();
            paths.extend(of_position.iter().map(|name| format!("positions.{name}")));
            let mask = ReadMask::from_proto(Some(&FieldMask { paths })).unwrap();
            let ProfileRecord { member, positions } = record();
            let positions = positions.into_iter().filter(|_| !of_position.is_empty());
            let expected = ProfileRecord {
                member: member.map(|member| projected(member, &of_member)),
                positions: positions.map(|position| projected(position, &of_position)).collect(),
            };
            prop_assert_eq!(mask.keep(record()), expected);
        }
    }

    #[test]
    fn every_field_is_kept_without_paths() {
        for all in [
            ReadMask::from_proto(None),
            mask(&[]),
            mask(&["*"]),
            mask(&["headline", "*", "positions.title"]),
        ] {
            assert_eq!(all, Ok(ReadMask::all()));
        }
        assert_eq!(ReadMask::all().keep(record()), record());
    }

    #[test]
    fn an_attribute_is_kept_by_its_name() {
        let names = |paths: &[&str]| {
            let kept = mask(paths).unwrap().keep(record()).member.unwrap();
            let names: Vec<_> = kept.attributes.into_keys().collect();
            (names.join(" "), kept.headline.is_empty())
        };
        let check = |paths: &[&str], expected: &str, no_headline| {
            assert_eq!(
                names(paths),
                (expected.to_owned(), no_headline),
                "{paths:?}"
            );
        };
        check(&["attributes.floor.no"], "floor.no", true);
        check(
            &["headline", "attributes.team", "attributes.gone"],
            "team",
            false,
        );
        check(&["attributes.team", "attributes"], "floor.no team", true);
        check(&["headline"], "", false);
    }

    #[test]
    fn whole_positions_include_their_fields() {
        let expected = mask(&["positions"]);
        assert_eq!(mask(&["positions.title", "positions"]), expected);
        assert_eq!(mask(&["positions", "positions.title"]), expected);
        let kept = expected.unwrap().keep(record());
        assert_eq!(kept.positions, record().positions);
        assert_eq!(kept.member, Some(projected(full(7), &[])));
    }

    #[test]
    fn a_path_that_is_no_field_is_refused_with_its_place() {
        for path in [
            "",
            ".",
            "Headline",
            "member",
            "member.headline",
            "positions.",
            "positions.*",
            "positions.headline",
            "positions.title.x",
            "attributes.",
            "headline.x",
            "position",
        ] {
            let refused = mask(&["headline", path]).unwrap_err();
            assert_eq!(refused.field, "paths[1]", "{path}");
            let reason = format!("is not a field of a profile: {path:?}");
            assert_eq!(refused.reason, reason);
        }
        assert!(mask(&["headline"; MASK_PATHS_MAX]).is_ok());
        let refused = mask(&["headline"; MASK_PATHS_MAX + 1]).unwrap_err();
        assert_eq!(refused.to_string(), "paths: has 65 paths, more than 64");
    }
}
