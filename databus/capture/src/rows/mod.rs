//! Rows of the core database, and the changes that they make. Bootstrap and the stream of changes
//! use the same.
//!
//! Imports from `mapping`.

pub(crate) mod datum;
pub(crate) mod row_error;
pub(crate) mod table_rows;

mod array_text;
mod field_values;

pub use datum::Datum;
pub use row_error::{MissingColumn, RowError};
pub use table_rows::TableRows;
