//! The fields that a change names.

use crate::{
    field::{Field, Fields, Value},
    invalid_value::{InvalidValue, excerpt},
    limits::MASK_PATHS_MAX,
};
use prost_types::FieldMask;
use std::{fmt, marker::PhantomData};

/// A set of fields of the message `M`: those to which a change gives values.
///
/// The id of the message is in no mask, even if it is named: it says which member or position is
/// meant.
pub struct Mask<M> {
    /// The bits of the fields. The bit of a field is its place in the table.
    bits: u32,
    message: PhantomData<fn() -> M>,
}

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
            let place = M::FIELDS.iter().position(|field| field.name == path);
            let unknown = || {
                let reason = format!("names the unknown field {}", excerpt(path));
                InvalidValue::new("fields", reason)
            };
            Ok(mask.with(place.ok_or_else(unknown)?))
        })
    }

    /// Returns the names of the fields; `None` if the mask names all.
    #[must_use]
    pub fn to_proto(self) -> Option<FieldMask> {
        (self != Self::all()).then(|| FieldMask {
            paths: self.fields().map(|field| field.name.to_owned()).collect(),
        })
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
        assert_eq!(Mask::<M>::all().to_proto(), None);
        // Naming the id does not change a mask.
        assert_eq!(from_paths::<M>(&all[..1]), Ok(Mask::none()));
        for name in &all[1..] {
            let mask = from_paths::<M>(&[name, name]).unwrap();
            assert!(mask.names(name) && mask.fields().count() == 1);
            assert_eq!(Mask::from_proto(mask.to_proto().as_ref()), Ok(mask));
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
    fn every_field_can_be_named_and_no_other() {
        check::<Member>();
        check::<Position>();
    }
}
