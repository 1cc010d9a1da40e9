//! Random transactions on a random site, and the rows that PostgreSQL sends of them.

use cloud_capture::{Datum, RowError, TableRows};
use cloud_proto::databus::v1::Change;

use crate::{
    choices::Choices,
    random_site::{RandomSite, Row, Table, references},
};

/// A change of one row.
#[derive(Debug)]
pub(crate) enum Operation {
    Insert(usize, Row),
    /// The new row of a place. `sends_same` are the columns whose long value is stated again,
    /// although it is the same.
    Update {
        table: usize,
        place: usize,
        row: Row,
        sends_same: bool,
        sends_key: bool,
    },
    Delete(usize, usize),
}

impl RandomSite {
    /// Returns the next transaction; it is empty if the choices break a rule of the tables.
    ///
    /// A member who begins to exist has no rows in other tables: a member who comes back does not
    /// bring back its connections, its positions and the fields of other tables.
    pub(crate) fn transaction(&self, choices: &mut Choices) -> Vec<Operation> {
        let number = choices.below(self.tables.len());
        let table = &self.tables[number];
        match choices.below(5) {
            3 | 4 if table.rows.is_empty() => Vec::new(),
            3 => self.deletion(choices, number),
            4 | 2 if !table.rows.is_empty() => self.update(choices, number),
            _ => self.insertion(choices, number),
        }
    }

    fn insertion(&self, choices: &mut Choices, number: usize) -> Vec<Operation> {
        let columns = 0..self.tables[number].columns.len();
        let row: Row = columns
            .map(|column| self.value(choices, number, column))
            .collect();
        let begins = self.is_member(number, &row);
        if !self.allows(number, None, &row) || (begins && self.is_referenced(&row[0])) {
            return Vec::new();
        }
        vec![Operation::Insert(number, row)]
    }

    fn deletion(&self, choices: &mut Choices, number: usize) -> Vec<Operation> {
        let place = choices.below(self.tables[number].rows.len());
        let mut operations = vec![Operation::Delete(number, place)];
        if self.has_members && number == 0 && choices.coin() {
            let key = self.tables[0].rows[place][0].clone();
            let references = references(self);
            let rows = key.and_then(|key| references.get(&key)).cloned();
            // Behind ones first, so that the places of the others stay.
            let rows = rows.into_iter().flatten().rev();
            operations.extend(rows.map(|(table, place)| Operation::Delete(table, place)));
            if choices.coin() {
                operations.rotate_left(1);
            }
        }
        operations
    }

    fn update(&self, choices: &mut Choices, number: usize) -> Vec<Operation> {
        let table = &self.tables[number];
        let place = choices.below(table.rows.len());
        let old = &table.rows[place];
        let mut row = old.clone();
        for _ in 0..=choices.below(3) {
            let column = choices.below(table.columns.len());
            row[column] = self.value(choices, number, column);
        }
        let has_new_key = row[0] != old[0];
        let begins = self.is_member(number, &row) && (!self.is_member(number, old) || has_new_key);
        if !self.allows(number, Some(place), &row)
            || ((begins || has_new_key) && number == 0 && self.is_referenced(&row[0]))
            || (begins && !has_new_key && self.has_positions_of_users())
        {
            return Vec::new();
        }
        let mut operations = vec![self.updated(choices, number, place, row.clone())];
        if self.has_members && number == 0 && has_new_key {
            let references = references(self);
            let rows = old[0].as_ref().and_then(|key| references.get(key));
            for (table, place) in rows.into_iter().flatten().copied() {
                let mut child = self.tables[table].rows[place].clone();
                for column in self.tables[table].keys {
                    let column = self.tables[table].place(column);
                    if child[column] == old[0] {
                        child[column].clone_from(&row[0]);
                    }
                }
                operations.push(self.updated(choices, table, place, child));
            }
        }
        operations
    }

    fn updated(&self, choices: &mut Choices, table: usize, place: usize, row: Row) -> Operation {
        Operation::Update {
            table,
            place,
            row,
            sends_same: choices.below(4) == 3,
            sends_key: choices.below(4) == 3,
        }
    }

    fn is_referenced(&self, key: &Option<String>) -> bool {
        let references = references(self);
        key.as_ref().is_some_and(|key| references.contains_key(key))
    }

    /// Executes an operation, and returns the changes that the rows sent of it make.
    pub(crate) fn execute(
        &mut self,
        operation: Operation,
        rows: &[TableRows<'_>],
    ) -> Result<Vec<Change>, RowError> {
        let (number, changes) = match &operation {
            Operation::Insert(number, row) => {
                let row = all(row);
                (
                    *number,
                    self.each(*number, rows, |rows, changes| rows.inserted(&row, changes)),
                )
            }
            Operation::Delete(number, place) => {
                let table = &self.tables[*number];
                let old = identity(table, &table.rows[*place]);
                (
                    *number,
                    self.each(*number, rows, |rows, changes| rows.deleted(&old, changes)),
                )
            }
            Operation::Update {
                table: number,
                place,
                row,
                sends_same,
                sends_key,
            } => {
                let table = &self.tables[*number];
                let stored = &table.rows[*place];
                let old = identity(table, stored);
                let new = new_row(stored, row, *sends_same);
                let columns = table.identity.unwrap_or(table.columns);
                let mut columns = columns.iter().map(|column| table.place(column));
                let has_changed = columns.any(|column| stored[column] != row[column]);
                let is_sent = table.identity.is_none() || has_changed || *sends_key;
                let old = is_sent.then_some(&*old);
                (
                    *number,
                    self.each(*number, rows, |rows, changes| {
                        rows.updated(old, &new, changes)
                    }),
                )
            }
        };
        let stored = &mut self.tables[number].rows;
        match operation {
            Operation::Insert(_, row) => stored.push(row),
            Operation::Delete(_, place) => drop(stored.remove(place)),
            Operation::Update { place, row, .. } => stored[place] = row,
        }
        changes
    }

    /// Returns the changes of all maps of a table.
    fn each(
        &self,
        table: usize,
        rows: &[TableRows<'_>],
        add: impl Fn(&TableRows<'_>, &mut Vec<Change>) -> Result<(), RowError>,
    ) -> Result<Vec<Change>, RowError> {
        let maps = self.maps.iter().zip(rows);
        let mut changes = Vec::new();
        for (_, rows) in maps.filter(|(map, _)| map.table == table) {
            add(rows, &mut changes)?;
        }
        Ok(changes)
    }
}

/// Returns a row with all its values.
pub(crate) fn all(row: &Row) -> Vec<Datum<'_>> {
    row.iter().map(datum).collect()
}

fn datum(value: &Option<String>) -> Datum<'_> {
    value.as_deref().map_or(Datum::Null, Datum::Text)
}

/// Returns an old row as PostgreSQL sends it.
fn identity<'r>(table: &Table, row: &'r Row) -> Vec<Datum<'r>> {
    let columns = table.columns.iter().zip(row);
    let columns = columns.map(|(column, value)| match table.identity {
        Some(identity) if !identity.contains(column) => Datum::Unknown,
        _ => datum(value),
    });
    columns.collect()
}

/// Returns a new row as PostgreSQL sends it: without the long values that no statement has set.
fn new_row<'r>(old: &'r Row, new: &'r Row, sends_same: bool) -> Vec<Datum<'r>> {
    let values = old.iter().zip(new).map(|(old, new)| {
        let is_long = new
            .as_deref()
            .is_some_and(|text| text.contains("long text"));
        match is_long && old == new && !sends_same {
            true => Datum::Unknown,
            false => datum(new),
        }
    });
    values.collect()
}
