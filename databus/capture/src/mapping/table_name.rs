//! The name of a table of the core database.

use std::fmt;

/// A table's schema and name, as the database's catalogue has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The name in the schema.
    pub name: String,
}

impl TableName {
    /// Returns the name that a text of a mapping states: `schema.name`, or `name` in the schema
    /// `public`.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (schema, name) = text.split_once('.').unwrap_or(("public", text));
        Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Returns the name as SQL writes it, with quotes.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}

/// Returns an identifier as SQL writes it, with quotes.
#[must_use]
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Returns a text as a constant of SQL.
#[must_use]
pub(crate) fn literal(text: &str) -> String {
    if text.contains('\\') {
        let text = text.replace('\\', "\\\\").replace('\'', "''");
        return format!("E'{text}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}
