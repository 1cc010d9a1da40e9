//! The tables of a session, and the changes that their rows make.

use std::{cell::Cell, collections::HashMap};

use cloud_proto::databus::v1::Change;

use crate::{
    mapping::{Mapping, TableName},
    rows::{Datum, MissingColumn, RefusedRow, RowError, TableRows},
    stream::{
        error::CaptureError,
        pgoutput::{Column, Message, Old, Relation},
    },
};

/// The tables that the database described in this session, by the number that it gave them.
pub(super) struct Relations<'m> {
    mapping: &'m Mapping,
    known: HashMap<u32, Known<'m>>,
}

struct Known<'m> {
    table: TableName,
    columns: Vec<Column>,
    /// One for each time that the mapping names the table.
    rows: Vec<TableRows<'m>>,
    /// The rows that were read.
    read: Cell<u64>,
}

/// The changes that a message makes, and the rows that make none.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) changes: Vec<Change>,
    pub(super) refused: Vec<RefusedRow>,
    /// The keys of members that exist again.
    pub(super) returning: Vec<String>,
    /// Whether the message described a table that was described before: it may have changed.
    pub(super) has_described_again: bool,
}

impl<'m> Relations<'m> {
    pub(super) fn new(mapping: &'m Mapping) -> Self {
        Self {
            mapping,
            known: HashMap::new(),
        }
    }

    /// Returns how many rows of each mapped table were read since the last call.
    pub(super) fn take_rows_read(&self) -> impl Iterator<Item = (&TableName, u64)> {
        let known = self
            .known
            .values()
            .map(|known| (&known.table, known.read.take()));
        known.filter(|(_, read)| *read > 0)
    }

    /// Returns what a message makes.
    pub(super) fn take(&mut self, message: Message<'_>) -> Result<Made, CaptureError> {
        match message {
            Message::Other => Ok(Made::default()),
            Message::Relation(relation) => self.describe(relation),
            Message::Insert { relation, new } => {
                self.row(relation, &new, |rows, changes| rows.inserted(&new, changes))
            }
            Message::Update { relation, old, new } => {
                let old = match old {
                    Some(old) => Some(self.old(relation, old)?),
                    None => None,
                };
                let mut made = self.row(relation, &new, |rows, changes| {
                    rows.updated(old.as_deref(), &new, changes)
                })?;
                if let Some(old) = &old {
                    let rows = self.known(relation)?.rows.iter();
                    let returning = rows.filter_map(|rows| rows.returning(old, &new));
                    made.returning = returning.map(str::to_owned).collect();
                }
                Ok(made)
            }
            Message::Delete { relation, old } => {
                let old = self.old(relation, old)?;
                self.row(relation, &old, |rows, changes| rows.deleted(&old, changes))
            }
            Message::Truncate { relations } => {
                let known = relations.iter().find_map(|id| self.known.get(id));
                match known.filter(|known| !known.rows.is_empty()) {
                    Some(known) => Err(CaptureError::Truncated {
                        table: known.table.to_string(),
                    }),
                    None => Ok(Made::default()),
                }
            }
        }
    }

    fn describe(&mut self, relation: Relation) -> Result<Made, CaptureError> {
        let Relation {
            id,
            schema,
            name,
            columns,
        } = relation;
        let table = TableName { schema, name };
        let maps = self.mapping.tables.iter().filter(|map| map.table == table);
        let names = columns.iter().map(|column| &*column.name);
        let rows = maps.map(|map| TableRows::new(self.mapping, map, names.clone()));
        let rows = rows.collect::<Result<Vec<_>, MissingColumn>>()?;
        let is_mapped = !rows.is_empty();
        let known = Known {
            table,
            columns,
            rows,
            read: Cell::new(0),
        };
        let before = self.known.insert(id, known);
        Ok(Made {
            has_described_again: is_mapped && before.is_some(),
            ..Made::default()
        })
    }

    /// Returns an old row in which the columns that were not sent are unknown.
    fn old<'a>(&self, relation: u32, old: Old<'a>) -> Result<Vec<Datum<'a>>, CaptureError> {
        let mut row = match old {
            Old::Whole(row) => return Ok(row),
            Old::Key(row) => row,
        };
        for (datum, column) in row.iter_mut().zip(&self.known(relation)?.columns) {
            if !column.is_key {
                *datum = Datum::Unknown;
            }
        }
        Ok(row)
    }

    fn row(
        &self,
        relation: u32,
        row: &[Datum<'_>],
        add: impl Fn(&TableRows<'m>, &mut Vec<Change>) -> Result<(), RowError>,
    ) -> Result<Made, CaptureError> {
        let known = self.known(relation)?;
        let mut made = Made::default();
        if known.rows.is_empty() {
            return Ok(made);
        }
        if row.len() != known.columns.len() {
            return Err(CaptureError::Protocol(format!(
                "a row of {} has {} values, and the table {} columns",
                known.table,
                row.len(),
                known.columns.len()
            )));
        }
        known.read.set(known.read.get() + 1);
        for rows in &known.rows {
            match add(rows, &mut made.changes) {
                Ok(()) => {}
                Err(RowError::Invalid(invalid)) => made.refused.push(rows.refused(row, &invalid)),
                Err(RowError::NeedsFull { column }) => {
                    return Err(CaptureError::NeedsFull {
                        table: known.table.to_string(),
                        sql: format!(
                            "ALTER TABLE {} REPLICA IDENTITY FULL;",
                            known.table.quoted()
                        ),
                        column,
                    });
                }
            }
        }
        Ok(made)
    }

    fn known(&self, relation: u32) -> Result<&Known<'m>, CaptureError> {
        let missing = || CaptureError::Protocol(format!("relation {relation} was not described"));
        self.known.get(&relation).ok_or_else(missing)
    }
}
