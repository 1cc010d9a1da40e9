//! Rows of the core database, and the changes that they make. Bootstrap and the stream of changes
//! use the same.
//!
//! Imports from `mapping`.

pub(crate) mod datum;
pub(crate) mod refused_row;
pub(crate) mod row_error;
pub(crate) mod table_rows;

mod array_text;
mod copy_text;
mod field_values;
mod tests_of_columns;

pub use copy_text::unescape;
pub use datum::Datum;
pub use refused_row::RefusedRow;
pub use row_error::{MissingColumn, RowError};
pub use table_rows::TableRows;
