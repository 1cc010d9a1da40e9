//! A row that is set aside.

use crate::mapping::TableName;

/// A row that makes no change, because a value breaks a rule.
#[derive(Debug)]
pub(super) struct RefusedRow {
    /// The table.
    pub(super) table: TableName,
    /// The columns of the replica identity with their values.
    pub(super) key: String,
    /// The reason.
    pub(super) reason: String,
}
