//! The fields of the three kinds of dump files, and `--map`, which assigns columns to them.
//!
//! A map names every field to read, as in `members:member_id=1,given_name=firstName`. The other
//! fields stay empty. Columns are numbered from 1. Numbers are the only way if two columns have the
//! same name, or if there is no header row.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use cloud_profile::Fields;
use cloud_proto::databus::v1::{Member, Position};

use crate::snapshot::rows::time_unit::TimeUnit;

/// The three kinds of dump files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DumpKind {
    /// A file with one row per member.
    Members,
    /// A file with one row per position.
    Positions,
    /// A file with one or two rows per connection.
    Connections,
}

/// A field that a dump file can have.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name in maps and error messages.
    pub(crate) name: &'static str,
    /// The name of its column when there is no map.
    pub(crate) column: &'static str,
    pub(crate) required: bool,
}

/// The fields of a member, one column each, by the names in the table of fields.
static MEMBER_FIELDS: LazyLock<Vec<Field>> = LazyLock::new(columns_of::<Member>);

/// The id of the member, then the fields of the position.
static POSITION_FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let mut fields = columns_of::<Position>();
    fields.insert(0, field("member_id"));
    fields
});

static CONNECTION_FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let column = |column, field| Field { column, ..field };
    vec![
        column("member_id", field("member")),
        column("other_id", field("other")),
        column("connected_at", field("time")),
    ]
});

fn columns_of<M: Fields>() -> Vec<Field> {
    M::FIELDS.iter().map(|row| field(row.name)).collect()
}

/// Returns a field whose column has the same name. The ids of members are required.
fn field(name: &'static str) -> Field {
    Field {
        name,
        column: name,
        required: matches!(name, "member_id" | "member" | "other"),
    }
}

impl DumpKind {
    pub(crate) const ALL: [Self; 3] = [Self::Members, Self::Positions, Self::Connections];

    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::Members => &MEMBER_FIELDS,
            Self::Positions => &POSITION_FIELDS,
            Self::Connections => &CONNECTION_FIELDS,
        }
    }

    /// Returns whether lines that begin with `#` are skipped. The row of a member may begin with
    /// `#`.
    pub(crate) fn has_comments(self) -> bool {
        self == Self::Connections
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

/// A `--map KIND:FIELD=COLUMN,...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    kind: DumpKind,
    /// The column of each field, in the order of [`DumpKind::fields`].
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) time_unit: TimeUnit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
    Named(String),
    /// The column's number, from 0.
    Numbered(usize),
}

/// Why a map was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The part before the colon is not a kind of dump files.
    #[error("--map begins with members:, positions: or connections:, not \"{0}\"")]
    Kind(String),
    /// A part between commas is not `FIELD=COLUMN`.
    #[error("--map {kind}: \"{found}\" is not FIELD=COLUMN")]
    Syntax {
        /// The kind of files of the map.
        kind: DumpKind,
        /// The part.
        found: String,
    },
    /// There is no field of that name.
    #[error("--map {kind}: no field is called \"{found}\"; there are {known}")]
    UnknownField {
        /// The kind of files of the map.
        kind: DumpKind,
        /// The name.
        found: String,
        /// All names.
        known: String,
    },
    /// The same field is mapped twice.
    #[error("--map {kind}: {field} is mapped twice")]
    FieldTwice {
        /// The kind of files of the map.
        kind: DumpKind,
        /// The field.
        field: &'static str,
    },
    /// A required field is missing.
    #[error("--map {kind}: {field} is missing")]
    Missing {
        /// The kind of files of the map.
        kind: DumpKind,
        /// The field.
        field: &'static str,
    },
    /// The number of a column is 0 or too large.
    #[error(
        "--map {kind}: columns are counted from 1, and there are at most {}",
        COLUMNS_MAX
    )]
    Number {
        /// The kind of files of the map.
        kind: DumpKind,
    },
    /// The text after the number of the time's column is not a unit.
    #[error(
        "--map connections: `{0}` is not a unit of time: use ms, s, rfc3339, utc, or a \
         zone such as Europe/Vienna"
    )]
    Unit(String),
    /// Both ends of a connection are read from one column.
    #[error("--map connections: member and other are the same column")]
    SameColumn,
    /// The map is for files that were not given.
    #[error("--map {0}: there are no files of {0}")]
    NoFiles(DumpKind),
    /// There are two maps for one kind.
    #[error("two --map of {0}: merge them into one")]
    Repeated(DumpKind),
}

/// The most columns, which is more than any table has. It bounds what a map can require of a row.
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
    /// Returns the kind of files that the map is for.
    #[must_use]
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
        {
            match unit.parse() {
                Ok(unit) => (column, self.time_unit) = (rest, unit),
                // A name may contain a colon.
                Err(()) if rest.parse::<usize>().is_err() => {}
                Err(()) => return Err(MapError::Unit(unit.to_owned())),
            }
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
