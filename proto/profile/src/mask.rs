//! The fields that a change names.

use crate::{
    field::{Access, Field, Fields, Value},
    invalid_value::{InvalidValue, excerpt},
    limits::MASK_PATHS_MAX,
};
use prost_types::FieldMask;
use std::{collections::BTreeMap, fmt, marker::PhantomData};

/// A set of fields of the message `M`: those to which a change gives values.
///
/// The id of the message is in no mask, even if it is named: it says which member or position is
/// meant. Of named texts, a path may name one, as `attributes.<name>`. The message then holds only
/// the ones that are named, see [`Mask::of_change`].
pub struct Mask<M> {
    /// The bits of the fields. The bit of a field is its place in the table.
    bits: u32,
    message: PhantomData<fn() -> M>,
}

/// The bit that says that single named texts are stated, and the rest of them is kept.
const SINGLE_TEXTS: u32 = 1 << 31;

impl<M: Fields> Mask<M> {
    /// Returns the mask that names every field.
    #[must_use]
    pub fn all() -> Self {
        (0..M::FIELDS.len()).fold(Self::none(), Self::with)
    }

    /// Returns the mask that names no field: the member or position exists, and nothing else is
    /// stated.
    #[must_use]
    pub fn none() -> Self {
        Self {
            bits: 0,
            message: PhantomData,
        }
    }

    /// Returns the mask of the fields with these names. An absent mask names all fields.
    ///
    /// # Errors
    /// If a path is not the name of a field, or there are more than [`MASK_PATHS_MAX`].
    pub fn from_proto(mask: Option<&FieldMask>) -> Result<Self, InvalidValue> {
        let Some(FieldMask { paths }) = mask else {
            return Ok(Self::all());
        };
        if paths.len() > MASK_PATHS_MAX {
            let reason = format!("has {} paths, more than {MASK_PATHS_MAX}", paths.len());
            return Err(InvalidValue::new("fields", reason));
        }
        paths.iter().try_fold(Self::none(), |mask, path| {
            if named_text(M::FIELDS, path).is_some() {
                let bits = mask.bits | SINGLE_TEXTS;
                return Ok(Self { bits, ..mask });
            }
            let unknown = || {
                let reason = format!("names the unknown field {}", excerpt(path));
                InvalidValue::new("fields", reason)
            };
            mask.with_name(path).ok_or_else(unknown)
        })
    }

    /// Returns the mask that names this field too, or `None` if there is no such field.
    pub(crate) fn with_name(self, name: &str) -> Option<Self> {
        let place = M::FIELDS.iter().position(|field| field.name == name);
        place.map(|place| self.with(place))
    }

    /// Returns the mask of a change, like [`from_proto`](Self::from_proto). If the mask names
    /// single texts, the message then holds exactly those, an empty one for each that is to be
    /// removed.
    ///
    /// # Errors
    /// As [`from_proto`](Self::from_proto).
    pub fn of_change(mask: Option<&FieldMask>, message: &mut M) -> Result<Self, InvalidValue> {
        let fields = Self::from_proto(mask)?;
        let (Some(paths), Some((_, texts))) = (mask, fields.single_texts()) else {
            return Ok(fields);
        };
        let mut stated = std::mem::take((texts.get_mut)(message));
        let names = paths.paths.iter();
        let names = names.filter_map(|path| named_text(M::FIELDS, path));
        *(texts.get_mut)(message) = names
            .map(|name| (name.to_owned(), stated.remove(name).unwrap_or_default()))
            .collect();
        Ok(fields)
    }

    /// Returns the field of named texts, and the access to it, if single texts are stated and the
    /// rest is kept.
    pub(crate) fn single_texts(self) -> Option<(&'static str, &'static NamedTexts<M>)> {
        let mut fields = M::FIELDS.iter();
        let named_texts = fields.find_map(|field| match &field.value {
            Value::NamedTexts { access, .. } => Some((field.name, access)),
            _ => None,
        });
        named_texts.filter(|(name, _)| self.bits & SINGLE_TEXTS != 0 && !self.names(name))
    }

    /// Returns the names of the fields that a change of this message states; `None` if the mask
    /// names all.
    #[must_use]
    pub fn to_proto(self, message: &M) -> Option<FieldMask> {
        let mut paths: Vec<_> = self.fields().map(|field| field.name.to_owned()).collect();
        if let Some((field, texts)) = self.single_texts() {
            let names = (texts.get)(message).keys();
            paths.extend(names.map(|name| format!("{field}.{name}")));
        }
        let is_all = Self::all().bits & !self.bits == 0;
        (!is_all).then_some(FieldMask { paths })
    }

    /// Returns whether the field of this name is in the mask.
    #[must_use]
    pub fn names(self, name: &str) -> bool {
        self.fields().any(|field| field.name == name)
    }

    /// Returns the fields, in the order of the table.
    pub fn fields(self) -> impl Iterator<Item = &'static Field<M>> {
        (M::FIELDS.iter().enumerate())
            .filter(move |(place, _)| self.bits & (1 << place) != 0)
            .map(|(_, field)| field)
    }

    fn with(self, place: usize) -> Self {
        match M::FIELDS.get(place).map(|field| &field.value) {
            None | Some(Value::Id(_)) => self,
            Some(_) => Self {
                bits: self.bits | 1 << place,
                ..self
            },
        }
    }
}

type NamedTexts<M> = Access<M, BTreeMap<String, String>>;

/// Returns the name of the single text that a path means.
pub(crate) fn named_text<'p, M>(fields: &[Field<M>], path: &'p str) -> Option<&'p str> {
    let (field, name) = path.split_once('.')?;
    let has_texts = fields
        .iter()
        .any(|known| known.name == field && matches!(known.value, Value::NamedTexts { .. }));
    (has_texts && !name.is_empty()).then_some(name)
}

impl<M> Clone for Mask<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Mask<M> {}

impl<M> PartialEq for Mask<M> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<M> Eq for Mask<M> {}

impl<M: Fields> fmt::Debug for Mask<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.fields()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_proto::databus::v1::{Member, Position};

    fn from_paths<M: Fields>(paths: &[&str]) -> Result<Mask<M>, InvalidValue> {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        Mask::from_proto(Some(&FieldMask { paths }))
    }

    fn check<M: Fields>() {
        let all: Vec<_> = M::FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(from_paths::<M>(&all), Ok(Mask::all()));
        assert_eq!(Mask::<M>::from_proto(None), Ok(Mask::all()));
        assert_eq!(Mask::<M>::all().to_proto(&M::default()), None);
        // Naming the id does not change a mask.
        assert_eq!(from_paths::<M>(&all[..1]), Ok(Mask::none()));
        for name in &all[1..] {
            let mask = from_paths::<M>(&[name, name]).unwrap();
            assert!(mask.names(name) && mask.fields().count() == 1);
            let paths = mask.to_proto(&M::default());
            assert_eq!(Mask::from_proto(paths.as_ref()), Ok(mask));
        }
        for path in ["", "positions", "Headline", "member.headline", "*"] {
            let refused = from_paths::<M>(&[path]).unwrap_err();
            assert_eq!(refused.field, "fields");
            assert_eq!(refused.reason, format!("names the unknown field {path:?}"));
        }
        assert!(from_paths::<M>(&[all[1]; 64]).is_ok());
        assert!(from_paths::<M>(&[all[1]; 65]).is_err());
    }

    #[test]
    fn a_single_text_is_named_by_its_name() {
        let stated = |paths: &[&str]| {
            let texts = [("team", "blue"), ("floor.no", "3")];
            let mut member = Member {
                attributes: texts.map(|(name, text)| (name.into(), text.into())).into(),
                ..Member::default()
            };
            let paths = paths.iter().map(|&path| path.to_owned()).collect();
            let mask = FieldMask { paths };
            let fields = Mask::of_change(Some(&mask), &mut member).unwrap();
            let again = fields.to_proto(&member).unwrap().paths;
            let texts: Vec<_> = member.attributes.into_iter().collect();
            let texts: Vec<_> = texts
                .iter()
                .map(|(name, text)| format!("{name}={text}"))
                .collect();
            (texts.join(" "), again.join(" "))
        };
        let check = |paths: &[&str], texts: &str, again: &str| {
            assert_eq!(stated(paths), (texts.to_owned(), again.to_owned()));
        };
        check(&["attributes.team"], "team=blue", "attributes.team");
        check(
            &["attributes.gone", "place", "attributes.floor.no"],
            "floor.no=3 gone=",
            "place attributes.floor.no attributes.gone",
        );
        // The whole field is stated, so all others are removed.
        check(
            &["attributes.team", "attributes"],
            "floor.no=3 team=blue",
            "attributes",
        );
        assert!(from_paths::<Member>(&["attributes."]).is_err());
        assert!(from_paths::<Member>(&["headline.x"]).is_err());
        assert!(from_paths::<Position>(&["attributes.x"]).is_err());
    }

    #[test]
    fn every_field_can_be_named_and_no_other() {
        check::<Member>();
        check::<Position>();
    }
}
