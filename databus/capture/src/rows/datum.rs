//! A value of a column.

/// A value of a column, in the text format of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum<'a> {
    /// NULL.
    Null,
    /// The database did not send the value: it is stored out of line (TOAST) and did not change, or
    /// it is not in the table's replica identity.
    Unknown,
    /// Any other value.
    Text(&'a str),
}
