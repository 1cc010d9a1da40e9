//! The fields of a member or a position, from the columns of a row.

use cloud_profile::{Fields, InvalidValue, Value, time_from_text};
use prost_types::{FieldMask, Timestamp};

use crate::{
    mapping::{FieldMap, FieldSource},
    rows::{array_text::array_from_text, datum::Datum, row_error::RowError},
};

/// The fields that a table states, with the places of their columns in a row.
#[derive(Debug)]
pub(super) struct FieldColumns<'m, M: 'static> {
    fields: Vec<(&'m FieldMap<M>, Option<usize>)>,
}

impl<'m, M: Fields> FieldColumns<'m, M> {
    /// Finds the columns of the fields.
    pub(super) fn find<E>(
        fields: &'m [FieldMap<M>],
        mut place: impl FnMut(&str) -> Result<usize, E>,
    ) -> Result<Self, E> {
        let fields = fields.iter().map(|field| {
            let column = field.source.column().map(&mut place).transpose()?;
            Ok((field, column))
        });
        Ok(Self {
            fields: fields.collect::<Result<_, E>>()?,
        })
    }

    /// Returns a message with the fields of a row, and the paths of those that are known. With
    /// `is_whole`, all must be.
    pub(super) fn read(
        &self,
        row: &[Datum<'_>],
        is_whole: bool,
    ) -> Result<(M, FieldMask), RowError> {
        let mut message = M::default();
        let mut paths = Vec::with_capacity(self.fields.len());
        let keeps_display_name = self.keeps_display_name(row)?;
        for (field, column) in &self.fields {
            let text = match value(field, *column, row) {
                Datum::Text(_) | Datum::Null if keeps_display_name && is_display_name(field) => {
                    continue;
                }
                Datum::Null => "",
                Datum::Text(text) => text,
                Datum::Unknown if !is_whole => continue,
                Datum::Unknown => return Err(needs_full(field)),
            };
            set(field, &mut message, text)?;
            paths.push(field.path());
        }
        Ok((message, FieldMask { paths }))
    }

    /// Returns whether the row states nothing of the display name, because it is made of names that
    /// did not change and were not sent.
    ///
    /// # Errors
    /// If the display name is to be made of names of which one was not sent.
    fn keeps_display_name(&self, row: &[Datum<'_>]) -> Result<bool, RowError> {
        let find = |name: &str| {
            let mut fields = self.fields.iter();
            fields.find(|(field, _)| field.field.name == name)
        };
        let (Some(given), Some(family), Some((display, column))) = (
            find("given_name"),
            find("family_name"),
            find("display_name"),
        ) else {
            return Ok(false);
        };
        if !matches!(value(display, *column, row), Datum::Null | Datum::Text("")) {
            return Ok(false);
        }
        let names = [given, family]
            .map(|(field, column)| (*field, column.is_some(), value(field, *column, row)));
        let mut unknown = names.iter().filter(|(_, _, name)| *name == Datum::Unknown);
        let Some((unknown, _, _)) = unknown.next() else {
            return Ok(false);
        };
        let mut sent = names
            .iter()
            .filter(|(_, is_column, name)| *is_column && *name != Datum::Unknown);
        if display.source == FieldSource::Empty && sent.next().is_none() {
            return Ok(true);
        }
        Err(needs_full(unknown))
    }

    /// Returns an empty message and the paths of all fields.
    pub(super) fn emptied(&self) -> (M, FieldMask) {
        let paths = self.fields.iter().map(|(field, _)| field.path()).collect();
        (M::default(), FieldMask { paths })
    }
}

fn is_display_name<M>(field: &FieldMap<M>) -> bool {
    field.field.name == "display_name"
}

fn needs_full<M>(field: &FieldMap<M>) -> RowError {
    let column = field.source.column().unwrap_or_default().to_owned();
    RowError::NeedsFull { column }
}

/// Returns the value of a field in a row.
fn value<'v, M>(field: &'v FieldMap<M>, column: Option<usize>, row: &[Datum<'v>]) -> Datum<'v> {
    let datum = column.map_or(Datum::Null, |column| row[column]);
    match (&field.source, datum) {
        (FieldSource::Constant(constant), _) => Datum::Text(constant),
        (FieldSource::IsNull(_), Datum::Null) => Datum::Text("true"),
        (FieldSource::IsNull(_), Datum::Text(_)) => Datum::Text("false"),
        (FieldSource::Column(_) | FieldSource::Empty | FieldSource::IsNull(_), datum) => datum,
    }
}

fn set<M: Fields>(field: &FieldMap<M>, message: &mut M, text: &str) -> Result<(), InvalidValue> {
    match (&field.field.value, &field.attribute) {
        (Value::NamedTexts { access, .. }, Some(name)) => {
            (access.get_mut)(message).insert(name.clone(), text.to_owned());
            Ok(())
        }
        (Value::Text { access, .. }, _) => {
            text.clone_into((access.get_mut)(message));
            Ok(())
        }
        (Value::Texts { access, .. }, _) if text.starts_with('{') => {
            let entries = array_from_text(text).ok_or_else(|| {
                InvalidValue::new(field.field.name, "is no array of texts of one dimension")
            })?;
            *(access.get_mut)(message) = entries;
            Ok(())
        }
        (Value::Truth(_), _) => {
            let word = match text {
                "t" => "true",
                "f" => "false",
                text => text,
            };
            field.field.set_from_text(message, word)
        }
        (Value::YearMonth(_), _) => field.field.set_from_text(message, date_of(text)),
        _ => field.field.set_from_text(message, text),
    }
}

/// Returns the date of a time, and any other text as it is.
fn date_of(text: &str) -> &str {
    match text.split_at_checked(10) {
        Some((date, rest)) if rest.starts_with([' ', 'T']) => date,
        _ => text,
    }
}

/// Reads the time of a connection. A time without an offset is taken as UTC, and a date as its
/// midnight.
pub(super) fn time(column: &str, text: &str) -> Result<Timestamp, InvalidValue> {
    let midnight;
    let full = if text.len() == 10 {
        midnight = format!("{text} 00:00:00");
        &midnight
    } else {
        text
    };
    let Some(time) = time_from_text(full.as_bytes()) else {
        let reason = format!("{text:?} of column {column} is not a time");
        return Err(InvalidValue::new("connected_at", reason));
    };
    Ok(Timestamp {
        seconds: time.clock_seconds - time.offset_seconds.unwrap_or_default(),
        nanos: i32::try_from(time.nanos).unwrap_or_default(),
    })
}
