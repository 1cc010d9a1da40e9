//! The mapping of one table.

use std::collections::BTreeSet;

use cloud_profile::Field;
use cloud_proto::databus::v1::{Member, Position};

use crate::mapping::{condition::Condition, table_name::TableName};

/// The meaning of a table's rows.
#[derive(Debug)]
pub struct TableMap {
    /// The table.
    pub table: TableName,
    /// The tests that a row must pass to count. A row that does not pass them states that there is
    /// no such member, position or connection.
    pub conditions: Vec<Condition>,
    /// The kind of thing that a row is.
    pub kind: TableKind,
}

/// The kind of thing that a row of a table is.
#[derive(Debug)]
pub enum TableKind {
    /// A member.
    Member(MemberMap),
    /// Further fields of a member.
    Profile(ProfileMap),
    /// A position of a member.
    Position(PositionMap),
    /// A connection of two members.
    Connection(ConnectionMap),
}

/// The columns of a member.
#[derive(Debug)]
pub struct MemberMap {
    /// The column of the member's key.
    pub id: String,
    /// The fields that the table states.
    pub fields: Vec<FieldMap<Member>>,
}

/// The columns of further fields of a member.
#[derive(Debug)]
pub struct ProfileMap {
    /// The column of the member's key.
    pub member: String,
    /// The fields that the table states.
    pub fields: Vec<FieldMap<Member>>,
}

/// The columns of a position.
#[derive(Debug)]
pub struct PositionMap {
    /// The column of the position's key.
    pub id: String,
    /// Whether the position's id is a hash of the table's name and the key. If not, the key is the
    /// id.
    pub is_id_hashed: bool,
    /// The column of the member's key.
    pub member: String,
    /// The fields that the table states.
    pub fields: Vec<FieldMap<Position>>,
}

/// The columns of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionMap {
    /// The column of one member's key.
    pub member: String,
    /// The column of the other member's key.
    pub other: String,
    /// The rows that make a connection.
    pub pair: Pair,
    /// The column of the time at which the connection was made.
    pub connected_at: Option<String>,
}

/// The rows that make a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// One row, in either direction.
    OneRow,
    /// One row in each direction. Only the row whose `member` has the smaller id counts.
    BothRows,
}

/// A field and where its value comes from.
pub struct FieldMap<M: 'static> {
    /// The field, in the table of `cloud_profile`.
    pub field: &'static Field<M>,
    /// The name among the member's attributes, if the field is one of them.
    pub attribute: Option<String>,
    /// Where the value comes from.
    pub source: FieldSource,
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldSource {
    /// A column.
    Column(String),
    /// A constant text.
    Constant(String),
    /// Whether a column is NULL.
    IsNull(String),
    /// Nothing: the field is stated and empty.
    Empty,
}

impl TableMap {
    /// Returns the columns that identify the mapped object, in the table's replica identity or not.
    #[must_use]
    pub fn identity_columns(&self) -> Vec<&str> {
        match &self.kind {
            TableKind::Member(map) => vec![&map.id],
            TableKind::Profile(map) => vec![&map.member],
            TableKind::Position(map) => vec![&map.member, &map.id],
            TableKind::Connection(map) => vec![&map.member, &map.other],
        }
    }

    /// Returns every column that the mapping reads, each once, sorted.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: BTreeSet<&str> = self.identity_columns().into_iter().collect();
        columns.extend(self.conditions.iter().map(|condition| &*condition.column));
        match &self.kind {
            TableKind::Member(MemberMap { fields, .. })
            | TableKind::Profile(ProfileMap { fields, .. }) => {
                columns.extend(fields.iter().filter_map(|field| field.source.column()));
            }
            TableKind::Position(map) => {
                columns.extend(map.fields.iter().filter_map(|field| field.source.column()));
            }
            TableKind::Connection(map) => columns.extend(map.connected_at.as_deref()),
        }
        columns.into_iter().collect()
    }

    /// Returns the word of a mapping for the kind of the table.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            TableKind::Member(_) => "members",
            TableKind::Profile(_) => "profiles",
            TableKind::Position(_) => "positions",
            TableKind::Connection(_) => "connections",
        }
    }
}

impl FieldSource {
    /// Returns the column that is read, if one is.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column(column) | Self::IsNull(column) => Some(column),
            Self::Constant(_) | Self::Empty => None,
        }
    }
}

impl<M> FieldMap<M> {
    /// Returns the path of the field in a mask: its name, or that of the attribute.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.attribute {
            None => self.field.name.to_owned(),
            Some(name) => format!("{}.{name}", self.field.name),
        }
    }
}

impl<M> std::fmt::Debug for FieldMap<M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} = {:?}", self.path(), self.source)
    }
}
