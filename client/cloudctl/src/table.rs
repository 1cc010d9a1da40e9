//! Tables for people: as wide as the terminal, and without control characters of the data.

use cloud_terminal::{columns, visible_in_line};
use comfy_table::{ContentArrangement, presets::UTF8_FULL_CONDENSED};
use std::fmt;

/// A table. On a terminal it is no wider than that, and long cells have several lines. Elsewhere
/// each row is one line.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// Returns a table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_header(headings);
        if let Some(columns) = columns() {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(columns);
        }
        Self(table)
    }

    /// Adds a row of texts.
    pub(crate) fn add_row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter();
        let shown = cells.map(|text| visible_in_line(text.as_ref()).into_owned());
        self.0.add_row(shown);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
