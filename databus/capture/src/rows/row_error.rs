//! Why a row makes no change.

use cloud_profile::InvalidValue;

/// Why a row makes no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A value breaks a rule of members, positions or connections.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// A value is needed that the database did not send. Going on would leave something out.
    #[error(
        "the value of column {column} was not sent, because it did not change and is stored out of \
         line: the table needs REPLICA IDENTITY FULL"
    )]
    NeedsFull {
        /// The column.
        column: String,
    },
}

/// A column of the mapping that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table} has no column {column}, which the mapping names")]
pub struct MissingColumn {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}
