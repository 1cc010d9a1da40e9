//! A row that makes no change, because a value breaks a rule.

use crate::mapping::TableName;

/// A row that makes no change, because a value breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The table.
    pub table: TableName,
    /// The values of the columns that identify the row's object, separated by commas.
    pub key: String,
    /// The rule and the value.
    pub reason: String,
}
