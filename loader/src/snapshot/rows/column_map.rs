//! The fields of the three kinds of dump files, and `--map`, which says what columns they stand in.
//!
//! A map names every field that is to be read: `members:member_id=1,given_name=firstName`; the others stay empty. Numbers
//! count from 1. They are the only way when two columns have one name, or when there is no header row.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use cloud_profile::Fields;
use cloud_proto::databus::v1::{Member, Position};

use crate::snapshot::rows::time_unit::TimeUnit;

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

/// A member's fields: one column each, by the names in the table of fields.
static MEMBER_FIELDS: LazyLock<Vec<Field>> = LazyLock::new(columns_of::<Member>);

/// The member whose position it is, then the position's fields.
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

/// A field whose column bears its name. The ids of members are required.
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

    /// Whether lines that begin with `#` are passed over. A member's row may begin so.
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

/// One `--map KIND:FIELD=COLUMN,...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    kind: DumpKind,
    /// By field, in the order of [`DumpKind::fields`].
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) time_unit: TimeUnit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Column {
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
    /// What follows the number of a time's column.
    #[error("--map connections: `{0}` is no unit of time: ms, s or rfc3339")]
    Unit(String),
    /// Both ends of a connection from one column.
    #[error("--map connections: member and other are the same column")]
    SameColumn,
    /// A map of files that are not there.
    #[error("--map {0}: there are no files of {0}")]
    NoFiles(DumpKind),
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
                // A name may hold a colon.
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
