//! A condition on a column, which decides whether a row counts.

/// A test of one column. A row counts if all tests of its table hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// The test of its value.
    pub test: Test,
}

/// A test of a column's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is one of these texts, in the form in which the database prints it. Truth values are
    /// `true` and `false`. NULL is none of them.
    OneOf(Vec<String>),
    /// It is NULL.
    IsNull,
    /// It is not NULL.
    IsNotNull,
}
