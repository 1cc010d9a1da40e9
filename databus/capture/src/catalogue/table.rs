//! A table of the core database.

use crate::mapping::{TableMap, TableName};

/// A table, a view, or a leaf of a partitioned table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The object id.
    pub oid: u32,
    /// The name.
    pub name: TableName,
    /// The type.
    pub table_type: TableType,
    /// Whether its rows are not in the WAL: `UNLOGGED`.
    pub is_unlogged: bool,
    /// Whether it is a partition of another table.
    pub is_partition: bool,
    /// The tables with the rows: the leaves of a partitioned table, else the table itself.
    pub leaves: Vec<TableName>,
    /// The tables that inherit from it and are no partitions.
    pub heirs: Vec<TableName>,
    /// The replica identity. That of a partition says what the WAL holds of an old row; that of the
    /// partitioned table says what of it the stream names.
    pub identity: Identity,
    /// The columns, in their order.
    pub columns: Vec<Column>,
    /// The indexes.
    pub indexes: Vec<Index>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The texts of the `CHECK` constraints.
    pub checks: Vec<String>,
    /// Whether row-level security hides rows from the user.
    pub hides_rows: bool,
    /// Whether the user may use the schema.
    pub may_use_schema: bool,
    /// Whether the user may select from the table as a whole.
    pub may_select: bool,
    /// Whether the user owns the table.
    pub is_owned: bool,
    /// Whether a publication of another name sends it.
    pub is_published_elsewhere: bool,
    /// The estimated number of rows.
    pub rows: f64,
    /// The mean bytes of a row, estimated.
    pub row_bytes: f64,
    /// The updates and deletes since the statistics of the database were reset.
    pub changes: i64,
}

/// The type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableType {
    /// An ordinary table.
    Ordinary,
    /// A partitioned table.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// A view.
    View,
    /// A materialised view.
    MaterialisedView,
}

/// The setting of a table's replica identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The primary key, if there is one.
    Default,
    /// An index. `None` if it was dropped.
    Index(Option<String>),
    /// The whole row.
    Full,
    /// Nothing.
    Nothing,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type as SQL writes it, such as `character varying(40)`.
    pub type_text: String,
    /// The catalogue's name of the type, such as `varchar`; of a domain that of its base.
    pub type_name: String,
    /// The labels, if the type is an enum.
    pub labels: Vec<String>,
    /// Whether it is never NULL.
    pub is_not_null: bool,
    /// Whether the database computes it from other columns.
    pub is_generated: bool,
    /// Whether a long value is stored out of line.
    pub is_toastable: bool,
    /// Whether the user may select it.
    pub may_select: bool,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The name, in the schema of the table.
    pub name: String,
    /// Whether it is of the primary key.
    pub is_primary: bool,
    /// Whether it is unique.
    pub is_unique: bool,
    /// Whether it is complete: a `CREATE INDEX CONCURRENTLY` that failed leaves one that is not.
    pub is_valid: bool,
    /// Whether uniqueness is checked at once. A deferrable constraint is not.
    pub is_immediate: bool,
    /// The condition of a partial index, as SQL.
    pub predicate: Option<String>,
    /// The keys as SQL: columns or expressions.
    pub keys: Vec<String>,
    /// The columns of the keys; `None` for an expression.
    pub columns: Vec<Option<String>>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub target: TableName,
    /// The columns that they refer to.
    pub target_columns: Vec<String>,
    /// Whether the columns change along with those that they refer to.
    pub is_updated: bool,
}

impl Table {
    /// Returns a column by its name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns whether a column is never NULL.
    #[must_use]
    pub fn is_not_null(&self, name: &str) -> bool {
        self.column(name).is_some_and(|column| column.is_not_null)
    }

    /// Returns the index of the primary key.
    #[must_use]
    pub fn primary_key(&self) -> Option<&Index> {
        self.indexes.iter().find(|index| index.is_primary)
    }

    /// Returns the columns of a row that an UPDATE or a DELETE sends of the old row. `None`: all.
    #[must_use]
    pub fn identity_columns(&self) -> Option<Vec<&str>> {
        let index = match &self.identity {
            Identity::Full => return None,
            Identity::Nothing | Identity::Index(None) => None,
            Identity::Default => self.primary_key(),
            Identity::Index(Some(name)) => self.indexes.iter().find(|index| index.name == *name),
        };
        let columns = index.map(|index| index.columns.iter().flatten().map(String::as_str));
        Some(columns.into_iter().flatten().collect())
    }

    /// Returns whether the old rows that are sent hold all of these columns.
    #[must_use]
    pub fn identity_holds(&self, columns: &[&str]) -> bool {
        match self.identity_columns() {
            None => true,
            Some(held) => columns.iter().all(|column| held.contains(column)),
        }
    }

    /// Returns whether at most one row has the same values in these columns at any time, NULLs
    /// apart.
    #[must_use]
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        let keeps_apart = |index: &Index| {
            let is_one =
                |key: &Option<String>| key.as_deref().is_some_and(|key| columns.contains(&key));
            index.is_unique
                && index.is_valid
                && index.is_immediate
                && index.predicate.is_none()
                && index.columns.iter().all(is_one)
        };
        self.indexes.iter().any(keeps_apart)
    }

    /// Returns whether the rows are in this database, and all mapped columns exist and can be
    /// selected.
    pub(crate) fn is_readable(&self, map: &TableMap) -> bool {
        let is_selected = |name: &str| {
            let column = self.column(name);
            column.is_some_and(|column| self.may_select || column.may_select)
        };
        let is_captured = matches!(
            self.table_type,
            TableType::Ordinary | TableType::Partitioned
        );
        let is_shown = self.may_use_schema && !self.hides_rows;
        is_captured && is_shown && map.columns().into_iter().all(is_selected)
    }
}

impl Column {
    /// Returns whether the values are integers.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        matches!(&*self.type_name, "int2" | "int4" | "int8")
    }

    /// Returns whether the values are texts.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(
            &*self.type_name,
            "text" | "varchar" | "bpchar" | "citext" | "name"
        )
    }

    /// Returns whether the values are times or dates.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(&*self.type_name, "timestamptz" | "timestamp" | "date")
    }
}

impl Index {
    /// Returns the columns, if the index may be a table's replica identity: unique, complete, not
    /// deferrable, not partial, without expressions. They must not be NULL either.
    #[must_use]
    pub fn identifying_columns(&self) -> Option<Vec<&str>> {
        let fits = self.is_unique && self.is_valid && self.is_immediate && self.predicate.is_none();
        let columns: Option<Vec<&str>> = self.columns.iter().map(Option::as_deref).collect();
        columns.filter(|_| fits)
    }
}

impl TableType {
    pub(super) fn of_kind(kind: &str) -> Self {
        match kind {
            "p" => Self::Partitioned,
            "f" => Self::Foreign,
            "v" => Self::View,
            "m" => Self::MaterialisedView,
            _ => Self::Ordinary,
        }
    }
}
