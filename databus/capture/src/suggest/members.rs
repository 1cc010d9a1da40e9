//! The table of the members, and the tables that refer to it.

use crate::{
    catalogue::{Catalogue, Column, Table, TableType},
    suggest::words::{CONNECTIONS, MEMBERS, is_named, singular, snake_case},
};

/// The table of the members.
#[derive(Clone, Copy)]
pub(super) struct Members<'c> {
    pub(super) table: &'c Table,
    /// The column of the key.
    pub(super) id: &'c Column,
}

/// Returns the tables that can be mapped.
pub(super) fn tables(catalogue: &Catalogue) -> impl Iterator<Item = &Table> {
    catalogue.tables.values().filter(|table| {
        matches!(
            table.table_type,
            TableType::Ordinary | TableType::Partitioned
        ) && !table.is_partition
    })
}

impl<'c> Members<'c> {
    /// Finds the table: by its name, and by how many tables refer to it.
    pub(super) fn find(catalogue: &'c Catalogue) -> Option<Self> {
        let candidates = tables(catalogue).filter_map(|table| {
            let [Some(id)] = table.primary_key()?.columns.as_slice() else {
                return None;
            };
            let id = table
                .column(id)
                .filter(|id| id.is_integer() || id.is_text() || id.type_name == "uuid")?;
            let members = Self { table, id };
            Some((members.score(catalogue), members))
        });
        let best = candidates.filter(|&(score, _)| score > 0);
        best.max_by_key(|&(score, _)| score)
            .map(|(_, members)| members)
    }

    fn score(self, catalogue: &Catalogue) -> usize {
        let name = snake_case(&self.table.name.name);
        // `users` rather than `user_settings`.
        let named =
            match MEMBERS.contains(&name.as_str()) || MEMBERS.contains(&singular(&name).as_str()) {
                true => 40,
                false if is_named(self.table, MEMBERS) => 10,
                false => 0,
            };
        let referring = tables(catalogue)
            .filter(|table| table.name != self.table.name)
            .map(|table| {
                let count = self.foreign_keys(table).count();
                // A table that refers twice probably connects.
                if count > 1 { 6 } else { count }
            });
        let referring: usize = referring.sum();
        // Tables without foreign keys have names only.
        if named == 0 && referring < 6 {
            0
        } else {
            named + referring
        }
    }

    fn foreign_keys(self, table: &Table) -> impl Iterator<Item = &str> {
        table.foreign_keys.iter().filter_map(move |key| {
            let is_to_members = key.target == self.table.name;
            match (key.columns.as_slice(), key.target_columns.as_slice()) {
                ([column], [target]) if is_to_members && *target == self.id.name => {
                    Some(column.as_str())
                }
                _ => None,
            }
        })
    }

    /// Returns the columns of a table that refer to members: by foreign keys, else by their names.
    pub(super) fn references(self, table: &Table) -> Vec<&Column> {
        let mut names: Vec<&str> = self.foreign_keys(table).collect();
        names.dedup();
        if names.is_empty() {
            let is_connection = is_named(table, CONNECTIONS);
            let own = format!("{}_id", singular(&snake_case(&self.table.name.name)));
            let by_name = table.columns.iter().filter(|column| {
                let name = snake_case(&column.name);
                column.type_name == self.id.type_name
                    && (name == own || is_connection && name.ends_with("_id"))
            });
            names = by_name.map(|column| &*column.name).collect();
        }
        names
            .into_iter()
            .filter_map(|name| table.column(name))
            .collect()
    }
}
