//! The fields that fit the columns of a table, and the conditions of its rows.

use std::collections::BTreeSet;

use crate::{
    catalogue::{Column, Table},
    suggest::{
        status::is_status,
        words::{DELETED_TIMES, DELETED_TRUTHS, MEMBER_FIELDS, POSITION_FIELDS, find},
    },
};

/// An entry of a table in TOML: its key and its value.
pub(super) type Entry = (String, String);

/// Returns the fields of a member that a table has, without those that another table states.
pub(super) fn member_fields(table: &Table, stated: &mut BTreeSet<&'static str>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for &(field, names) in MEMBER_FIELDS {
        let column = find(table, names, |column| match field {
            "skills" => matches!(&*column.type_name, "_text" | "_varchar"),
            // A `state` is a part of a country or the status of an account.
            "region" if column.name.eq_ignore_ascii_case("state") => {
                holds_text(column) && !is_status(table, column)
            }
            _ => holds_text(column),
        });
        if let Some(column) = column.filter(|_| !stated.contains(field)) {
            stated.insert(field);
            entries.push((field.to_owned(), text(&column.name)));
        }
    }
    entries
}

/// Returns the fields of a position that a table has, all of `kind`.
pub(super) fn position_fields(table: &Table, kind: &str) -> Vec<Entry> {
    let mut entries = vec![(
        "kind".to_owned(),
        format!("{{ constant = {} }}", text(kind)),
    )];
    for &(field, names) in POSITION_FIELDS {
        let fits = |column: &Column| match field {
            "from" | "to" => column.is_time() || column.is_integer() || column.is_text(),
            "current" => column.type_name == "bool",
            _ => holds_text(column),
        };
        if let Some(column) = find(table, names, fits) {
            entries.push((field.to_owned(), text(&column.name)));
        }
    }
    let to = entries
        .iter()
        .find(|(field, _)| field == "to")
        .map(|(_, column)| column.clone());
    let has_current = entries.iter().any(|(field, _)| field == "current");
    if let Some(to) = to.filter(|_| !has_current) {
        entries.push(("current".to_owned(), format!("{{ is_null = {to} }}")));
    }
    entries
}

/// Returns the conditions of soft deletes that a table has.
pub(super) fn not_deleted(table: &Table) -> Vec<Entry> {
    let time = find(table, DELETED_TIMES, Column::is_time)
        .map(|column| (key(&column.name), "{ is_null = true }".to_owned()));
    let truth = find(table, DELETED_TRUTHS, |column| column.type_name == "bool")
        .map(|column| (key(&column.name), "false".to_owned()));
    time.into_iter().chain(truth).collect()
}

/// Returns whether a column holds texts of one value.
fn holds_text(column: &Column) -> bool {
    column.is_text() || !column.labels.is_empty()
}

/// Returns entries as a table of TOML in a line.
pub(super) fn inline(entries: &[Entry]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// Returns a text as TOML writes it.
pub(super) fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns a name as the key of a TOML entry.
pub(super) fn key(name: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    text(name)
}
