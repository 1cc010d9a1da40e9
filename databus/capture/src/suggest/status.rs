//! A status: a column of which a few values say what a row is.

use std::fmt;

use crate::{
    catalogue::{Column, Table},
    connect::{ConnectError, Session},
    mapping::quoted,
    suggest::fields::text,
};

/// The rows of which the values of a status are counted.
const STATUS_ROWS: u32 = 100_000;
/// The values of a status that are printed at most.
const VALUES_MAX: i64 = 12;

/// The values of a status, the most frequent first, with the number of their rows.
pub(super) struct Values {
    column: String,
    pub(super) counted: Vec<(String, i64)>,
}

impl Values {
    /// Counts the values in a sample of the rows. Labels of an enum that no row has are last.
    pub(super) async fn read(
        session: &Session,
        table: &Table,
        column: &Column,
    ) -> Result<Self, ConnectError> {
        let query = format!(
            "SELECT value, count(*)
             FROM (SELECT {}::text AS value FROM {} LIMIT {STATUS_ROWS}) AS one
             WHERE value IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {VALUES_MAX}",
            quoted(&column.name),
            table.name.quoted()
        );
        let mut counted: Vec<(String, i64)> = Vec::new();
        for row in session.client().query(&query, &[]).await? {
            counted.push((row.try_get(0)?, row.try_get(1)?));
        }
        for label in &column.labels {
            if !counted.iter().any(|(value, _)| value == label) {
                counted.push((label.clone(), 0));
            }
        }
        Ok(Self {
            column: column.name.clone(),
            counted,
        })
    }
}

impl fmt::Display for Values {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counted.is_empty() {
            return write!(formatter, "{} has no values yet.", self.column);
        }
        let counted = self.counted.iter();
        let counted: Vec<String> = counted
            .map(|(value, count)| format!("{} ({count})", text(value)))
            .collect();
        write!(
            formatter,
            "{} has the values {}.",
            self.column,
            counted.join(", ")
        )
    }
}

/// Returns whether a column named like a status is one. A text named `state` may be a region,
/// unless a constraint lists its values.
pub(super) fn is_status(table: &Table, column: &Column) -> bool {
    let is_listed = || (table.checks.iter()).any(|check| check.contains(&column.name));
    let is_state = column.name.eq_ignore_ascii_case("state");
    column.is_integer()
        || !column.labels.is_empty()
        || column.is_text() && (!is_state || is_listed())
}
