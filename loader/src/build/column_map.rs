//! Which column of a dump file holds which field: by the names in the header row, by number, or as `--map` says.
//!
//! Without a map a column belongs to the field whose name it bears. A map names every field that is to be read:
//! `members:member_id=1,given_name=firstName`; the others stay empty. Numbers count from 1. They are the only way when
//! two columns have one name, or when there is no header row.

use std::fmt;
use std::str::FromStr;

use super::time_unit::TimeUnit;

/// The three kinds of dump files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DumpKind {
    /// One row a member.
    Members,
    /// One row a position.
    Positions,
    /// One row a connection, or two.
    Connections,
}

/// A field that a dump file can have.
#[derive(Debug)]
pub(crate) struct Field {
    /// As maps and error messages name it.
    pub(crate) name: &'static str,
    /// The name of its column when there is no map.
    pub(crate) column: &'static str,
    pub(crate) required: bool,
}

const fn field(name: &'static str) -> Field {
    Field {
        name,
        column: name,
        required: false,
    }
}

const fn required(name: &'static str, column: &'static str) -> Field {
    Field {
        name,
        column,
        required: true,
    }
}

const MEMBER_FIELDS: &[Field] = &[
    required("member_id", "member_id"),
    field("given_name"),
    field("family_name"),
    field("display_name"),
    field("headline"),
    field("place"),
    field("region"),
    field("country"),
    field("industry"),
    field("summary"),
    field("skills"),
];

const POSITION_FIELDS: &[Field] = &[
    required("member_id", "member_id"),
    field("position_id"),
    field("kind"),
    field("organisation"),
    field("title"),
    field("country"),
    field("from"),
    field("to"),
    field("current"),
];

const CONNECTION_FIELDS: &[Field] = &[
    required("member", "member_id"),
    required("other", "other_id"),
    Field {
        name: "time",
        column: "connected_at",
        required: false,
    },
];

impl DumpKind {
    const ALL: [Self; 3] = [Self::Members, Self::Positions, Self::Connections];

    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::Members => MEMBER_FIELDS,
            Self::Positions => POSITION_FIELDS,
            Self::Connections => CONNECTION_FIELDS,
        }
    }
}

impl fmt::Display for DumpKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Members => "members",
            Self::Positions => "positions",
            Self::Connections => "connections",
        })
    }
}

/// One `--map KIND:FIELD=COLUMN,...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    kind: DumpKind,
    /// By field, in the order of [`DumpKind::fields`].
    columns: Vec<Option<Column>>,
    time_unit: TimeUnit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Named(String),
    /// From 0.
    Numbered(usize),
}

/// A map that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The part before the colon.
    #[error("--map begins with members:, positions: or connections:, not \"{0}\"")]
    Kind(String),
    /// A part between commas.
    #[error("--map {kind}: \"{found}\" is not FIELD=COLUMN")]
    Syntax {
        /// Whose map it is.
        kind: DumpKind,
        /// The part.
        found: String,
    },
    /// No field of that name.
    #[error("--map {kind}: no field is called \"{found}\"; there are {known}")]
    UnknownField {
        /// Whose map it is.
        kind: DumpKind,
        /// The name.
        found: String,
        /// All names.
        known: String,
    },
    /// The same field twice.
    #[error("--map {kind}: {field} is mapped twice")]
    FieldTwice {
        /// Whose map it is.
        kind: DumpKind,
        /// The field.
        field: &'static str,
    },
    /// A field that no row can do without.
    #[error("--map {kind}: {field} is missing")]
    Missing {
        /// Whose map it is.
        kind: DumpKind,
        /// The field.
        field: &'static str,
    },
    /// Columns are counted from 1.
    #[error(
        "--map {kind}: columns are counted from 1, and there are at most {}",
        COLUMNS_MAX
    )]
    Number {
        /// Whose map it is.
        kind: DumpKind,
    },
    /// Both ends of a connection from one column.
    #[error("--map connections: member and other are the same column")]
    SameColumn,
    /// Two maps of one kind.
    #[error("two --map of {0}")]
    Repeated(DumpKind),
}

/// More columns than any table has; it bounds what a map can ask of a row.
const COLUMNS_MAX: usize = 10_000;

impl FromStr for ColumnMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<Self, MapError> {
        let (kind_name, parts) = text.split_once(':').unwrap_or((text, ""));
        let kind = DumpKind::ALL
            .into_iter()
            .find(|kind| kind.to_string() == kind_name);
        let kind = kind.ok_or_else(|| MapError::Kind(kind_name.to_owned()))?;
        let mut map = Self {
            kind,
            columns: vec![None; kind.fields().len()],
            time_unit: TimeUnit::default(),
        };
        for part in parts
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            map.add(part)?;
        }
        for (field, column) in kind.fields().iter().zip(&map.columns) {
            if field.required && column.is_none() {
                return Err(MapError::Missing {
                    kind,
                    field: field.name,
                });
            }
        }
        match map.columns.as_slice() {
            [member, other, _] if member == other => Err(MapError::SameColumn),
            _ => Ok(map),
        }
    }
}

impl ColumnMap {
    /// What kind of files it is for.
    pub fn kind(&self) -> DumpKind {
        self.kind
    }

    fn add(&mut self, part: &str) -> Result<(), MapError> {
        let kind = self.kind;
        let syntax = || MapError::Syntax {
            kind,
            found: part.to_owned(),
        };
        let (name, mut column) = part.split_once('=').ok_or_else(syntax)?;
        let index = kind
            .fields()
            .iter()
            .position(|field| field.name == name)
            .ok_or_else(|| {
                let known = kind
                    .fields()
                    .iter()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", ");
                MapError::UnknownField {
                    kind,
                    found: name.to_owned(),
                    known,
                }
            })?;
        if name == "time"
            && let Some((rest, unit)) = column.rsplit_once(':')
            && let Ok(unit) = unit.parse()
        {
            (column, self.time_unit) = (rest, unit);
        }
        let column = match column.parse::<usize>() {
            Ok(number @ 1..=COLUMNS_MAX) => Column::Numbered(number - 1),
            Ok(_) => return Err(MapError::Number { kind }),
            Err(_) if column.is_empty() => return Err(syntax()),
            Err(_) => Column::Named(column.to_owned()),
        };
        let (Some(field), Some(slot)) = (kind.fields().get(index), self.columns.get_mut(index))
        else {
            return Err(syntax());
        };
        match slot.replace(column) {
            None => Ok(()),
            Some(_) => Err(MapError::FieldTwice {
                kind,
                field: field.name,
            }),
        }
    }
}

/// Where the fields stand in the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// By field, in the order of [`DumpKind::fields`]; columns from 0.
    pub(crate) columns: Vec<Option<usize>>,
    pub(crate) time_unit: TimeUnit,
    /// Names of header columns that no field takes.
    pub(crate) unused: Vec<String>,
}

/// A header row that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// No column of that name.
    #[error("no column \"{column}\" for {field}; the header has {found}")]
    NoColumn {
        /// For which field.
        field: &'static str,
        /// The name.
        column: String,
        /// All names.
        found: String,
    },
    /// A name says nothing when two columns bear it.
    #[error(
        "columns {first} and {second} are both called \"{column}\": map {field} by number, as in --map {kind}:{field}={first}"
    )]
    NameTwice {
        /// Whose file it is.
        kind: DumpKind,
        /// For which field.
        field: &'static str,
        /// The name.
        column: String,
        /// One of the two, from 1.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A number above the number of columns.
    #[error("{field} is mapped to column {number}, and the header has {columns}")]
    NumberTooLarge {
        /// Which field.
        field: &'static str,
        /// The number, from 1.
        number: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// Names need a header.
    #[error("without a header row columns are mapped by number, as in --map {kind}:{field}=1")]
    NoHeader {
        /// Whose file it is.
        kind: DumpKind,
        /// The first field that has no number.
        field: &'static str,
    },
    /// Not even a header row.
    #[error("the file is empty, a header row is expected")]
    Empty,
    /// The header row is too long, or not text.
    #[error("the header row: {0}")]
    Unreadable(super::row_fault::RowFault),
}

/// Finds the columns of a file of this kind. `header` is `None` when the files have no header row.
pub(crate) fn layout(
    kind: DumpKind,
    map: Option<&ColumnMap>,
    header: Option<&[String]>,
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
    let names = header.unwrap_or_default().iter().enumerate();
    let unused = names
        .filter(|(index, _)| !columns.contains(&Some(*index)))
        .map(|(_, name)| name.clone());
    let unused = unused.collect();
    Ok(Layout {
        columns,
        time_unit: map.map_or_else(TimeUnit::default, |map| map.time_unit),
        unused,
    })
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
            column: name.to_owned(),
            first: first + 1,
            second: second + 1,
        }),
        (None, _) if required => Err(HeaderFault::NoColumn {
            field: field.name,
            column: name.to_owned(),
            found: header.join(", "),
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
            layout(kind, map.as_ref(), names.as_deref()).map_err(|fault| fault.to_string())
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
                "columns 1 and 2 are both called \"Person.id\": map member by number, as in --map connections:member=1",
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
            Err(
                "without a header row columns are mapped by number, as in --map connections:member=1",
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
        check(
            Some("connections:friend=1"),
            None,
            Err("--map connections: no field is called \"friend\"; there are member, other, time"),
        );
    }
}
