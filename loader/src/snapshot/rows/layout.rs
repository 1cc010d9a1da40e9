//! Finds which column of a dump file holds which field: by the names in the header row, by number,
//! or by `--map`.
//!
//! Without a map, the column of a field is the one with the field's name.

use crate::snapshot::rows::{
    column_map::{Column, ColumnMap, DumpKind, Field},
    encoding::OtherEncoding,
    id_rule::IdRule,
    row_fault::{RowFault, excerpt},
    time_unit::TimeUnit,
};

/// The columns of the fields in the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The column of each field, from 0, in the order of [`DumpKind::fields`].
    pub(crate) columns: Vec<Option<usize>>,
    pub(crate) time_unit: TimeUnit,
    pub(crate) ids: IdRule,
    /// The names of header columns that hold no field.
    pub(crate) unused: Vec<String>,
}

/// Why a header row was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// There is no column of that name.
    #[error("no column \"{column}\" for {field}; the header has {found}")]
    NoColumn {
        /// The field that needs the column.
        field: &'static str,
        /// The name.
        column: String,
        /// All names.
        found: String,
    },
    /// Two columns have the name, so it does not identify one.
    #[error(
        "columns {first} and {second} are both called \"{column}\": map {field} by number, \
         as in --map {kind}:{field}={first}"
    )]
    NameTwice {
        /// The kind of the file.
        kind: DumpKind,
        /// The field that needs the column.
        field: &'static str,
        /// The name.
        column: String,
        /// The first of the two, from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A field is mapped to a number above the number of columns.
    #[error("{field} is mapped to column {number}, and the header has {columns}")]
    NumberTooLarge {
        /// The field.
        field: &'static str,
        /// The number, from 1.
        number: usize,
        /// The number of columns.
        columns: usize,
    },
    /// Without a header row, a field is mapped by name.
    #[error("without a header row columns are mapped by number, as in --map {kind}:{field}=1")]
    NoHeader {
        /// The kind of the file.
        kind: DumpKind,
        /// The first field that has no number.
        field: &'static str,
    },
    /// The header row can be a row of data, which would be lost if it were read as a header.
    #[error(
        "the header row holds ids in the mapped columns: if it is data, use --no-header; \
         if not, delete it"
    )]
    HoldsIds,
    /// The file has no header row.
    #[error("the file is empty, a header row is expected")]
    Empty,
    /// The header row is too long, or not text.
    #[error("the header row: {0}")]
    Unreadable(RowFault),
    /// The file is in an encoding that is not read.
    #[error("{0}")]
    Encoding(OtherEncoding),
}

/// Finds the columns of a file of this kind. `header` is `None` if the files have no header row.
pub(crate) fn layout(
    kind: DumpKind,
    map: Option<&ColumnMap>,
    header: Option<&[String]>,
    ids: IdRule,
) -> Result<Layout, HeaderFault> {
    let mut columns = Vec::with_capacity(kind.fields().len());
    for (index, field) in kind.fields().iter().enumerate() {
        let default;
        let wanted = match map {
            Some(map) => map.columns.get(index).and_then(Option::as_ref),
            None => {
                default = Column::Named(field.column.to_owned());
                Some(&default)
            }
        };
        columns.push(match wanted {
            Some(Column::Numbered(number)) => Some(numbered(field, *number, header)?),
            Some(Column::Named(name)) => {
                named(kind, field, name, header, map.is_some() || field.required)?
            }
            None => None,
        });
    }
    if let (Some(map), Some(header)) = (map, header)
        && holds_ids(map, &columns, header, ids)
    {
        return Err(HeaderFault::HoldsIds);
    }
    let names = header.unwrap_or_default().iter().enumerate();
    let unused = names
        .filter(|(index, _)| !columns.contains(&Some(*index)))
        .map(|(_, name)| name.clone());
    let unused = unused.collect();
    Ok(Layout {
        columns,
        time_unit: map.map_or_else(TimeUnit::default, |map| map.time_unit.clone()),
        ids,
        unused,
    })
}

/// Returns whether all required fields are mapped by number to columns with ids, and no other field
/// was found by its name.
fn holds_ids(map: &ColumnMap, found: &[Option<usize>], header: &[String], ids: IdRule) -> bool {
    let mut wanted = map.columns.iter().zip(found);
    let has_names =
        wanted.any(|(column, found)| matches!(column, Some(Column::Named(_))) && found.is_some());
    let fields = map.kind().fields().iter().zip(&map.columns);
    !has_names
        && fields
            .filter(|(field, _)| field.required)
            .all(|(_, column)| match column {
                Some(Column::Numbered(number)) => header
                    .get(*number)
                    .is_some_and(|cell| ids.parse(cell.as_bytes(), *number).is_ok()),
                _ => false,
            })
}

/// Returns the names of columns for an error message or the summary: readable, and the first ones
/// if there are many.
pub(crate) fn names(header: &[String]) -> String {
    const NAMES_MAX: usize = 12;
    let shown = header.iter().take(NAMES_MAX);
    let mut text = shown
        .map(|name| excerpt(name.as_bytes()))
        .collect::<Vec<_>>()
        .join(", ");
    if header.len() > NAMES_MAX {
        text += &format!(" and {} more", header.len() - NAMES_MAX);
    }
    text
}

fn numbered(field: &Field, number: usize, header: Option<&[String]>) -> Result<usize, HeaderFault> {
    match header {
        Some(header) if number >= header.len() => Err(HeaderFault::NumberTooLarge {
            field: field.name,
            number: number + 1,
            columns: header.len(),
        }),
        _ => Ok(number),
    }
}

fn named(
    kind: DumpKind,
    field: &Field,
    name: &str,
    header: Option<&[String]>,
    required: bool,
) -> Result<Option<usize>, HeaderFault> {
    let Some(header) = header else {
        return Err(HeaderFault::NoHeader {
            kind,
            field: field.name,
        });
    };
    let mut found = header
        .iter()
        .enumerate()
        .filter(|(_, column)| *column == name)
        .map(|(index, _)| index);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => Err(HeaderFault::NameTwice {
            kind,
            field: field.name,
            column: excerpt(name.as_bytes()),
            first: first + 1,
            second: second + 1,
        }),
        (None, _) if required => Err(HeaderFault::NoColumn {
            field: field.name,
            column: excerpt(name.as_bytes()),
            found: names(header),
        }),
        (first, _) => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(map: Option<&str>, header: Option<&str>, expected: Result<&str, &str>) {
        let names: Option<Vec<String>> =
            header.map(|header| header.split('|').map(str::to_owned).collect());
        let result = map
            .map(str::parse::<ColumnMap>)
            .transpose()
            .map_err(|error| error.to_string());
        let result = result.and_then(|map| {
            let kind = map.as_ref().map_or(DumpKind::Connections, ColumnMap::kind);
            layout(kind, map.as_ref(), names.as_deref(), IdRule::default())
                .map_err(|fault| fault.to_string())
        });
        let result = result.map(|layout| format!("{:?} {}", layout.columns, layout.time_unit));
        assert_eq!(
            result.as_deref().map_err(String::as_str),
            expected,
            "{map:?} on {header:?}"
        );
    }

    #[test]
    fn columns_are_found_by_name_and_by_number() {
        check(
            None,
            Some("other_id|member_id"),
            Ok("[Some(1), Some(0), None] rfc3339"),
        );
        check(
            None,
            Some("connected_at|member_id|x|other_id"),
            Ok("[Some(1), Some(3), Some(0)] rfc3339"),
        );
        let ldbc = Some("Person.id|Person.id|creationDate");
        check(
            Some("connections:member=1,other=2,time=3:ms"),
            ldbc,
            Ok("[Some(0), Some(1), Some(2)] ms"),
        );
        check(
            Some("connections:member=1,other=2,time=creationDate:s"),
            ldbc,
            Ok("[Some(0), Some(1), Some(2)] s"),
        );
        check(
            Some("connections:other=2, member=1"),
            None,
            Ok("[Some(0), Some(1), None] rfc3339"),
        );
        check(
            Some("connections:member=a,other=b,time=a:b"),
            Some("a|b|a:b"),
            Ok("[Some(0), Some(1), Some(2)] rfc3339"),
        );
    }

    #[test]
    fn a_header_may_hold_numbers_that_are_no_ids() {
        for (map, header, expected) in [
            (
                "connections:member=1,other=2",
                "0|1",
                "[Some(0), Some(1), None] rfc3339",
            ),
            (
                "connections:member=1,other=2",
                "a|2",
                "[Some(0), Some(1), None] rfc3339",
            ),
            (
                "connections:member=1,other=b",
                "1|b",
                "[Some(0), Some(1), None] rfc3339",
            ),
            (
                "connections:member=1,other=2,time=b",
                "1|2|b",
                "[Some(0), Some(1), Some(2)] rfc3339",
            ),
            (
                "connections:member=1,other=2,time=3",
                "a|b|3",
                "[Some(0), Some(1), Some(2)] rfc3339",
            ),
        ] {
            check(Some(map), Some(header), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_named() {
        check(
            None,
            Some("member_id|other"),
            Err("no column \"other_id\" for other; the header has member_id, other"),
        );
        check(
            Some("connections:member=Person.id,other=2"),
            Some("Person.id|Person.id"),
            Err(
                "columns 1 and 2 are both called \"Person.id\": map member by number, \
                 as in --map connections:member=1",
            ),
        );
        check(
            Some("connections:member=1,other=4"),
            Some("a|b|c"),
            Err("other is mapped to column 4, and the header has 3"),
        );
        check(
            None,
            None,
            Err("without a header row columns are mapped by number, \
                 as in --map connections:member=1"),
        );
        check(
            Some("connections:member=1,other=3"),
            Some("1|x|2"),
            Err(
                "the header row holds ids in the mapped columns: if it is data, use --no-header; \
                 if not, delete it",
            ),
        );
        check(
            Some("friends:a=1"),
            None,
            Err("--map begins with members:, positions: or connections:, not \"friends\""),
        );
        check(
            Some("connections:member=1"),
            None,
            Err("--map connections: other is missing"),
        );
        check(
            Some("connections:member=1,other=1"),
            None,
            Err("--map connections: member and other are the same column"),
        );
        check(
            Some("connections:member=1,member=2"),
            None,
            Err("--map connections: member is mapped twice"),
        );
        check(
            Some("connections:member=0"),
            None,
            Err("--map connections: columns are counted from 1, and there are at most 10000"),
        );
        check(
            Some("connections:member"),
            None,
            Err("--map connections: \"member\" is not FIELD=COLUMN"),
        );
        for unit in ["us", "", "S"] {
            check(
                Some(&format!("connections:member=1,other=2,time=3:{unit}")),
                Some("a|b|3:us"),
                Err(&format!(
                    "--map connections: `{unit}` is not a unit of time: use ms, s, rfc3339, \
                     utc, or a zone such as Europe/Vienna"
                )),
            );
        }
        check(
            Some("connections:friend=1"),
            None,
            Err("--map connections: no field is called \"friend\"; there are member, other, time"),
        );
    }
}
