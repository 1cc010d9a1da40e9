//! Reads the rows of a dump: opens files of any supported format, splits them into rows and fields,
//! and finds the faults of each row.
//!
//! Imports from `job`.

pub(crate) mod block_reader;
pub(crate) mod column_map;
pub(crate) mod copy_fields;
pub(crate) mod csv_fields;
pub(crate) mod dump_file;
pub(crate) mod encoding;
pub(crate) mod id_rule;
pub(crate) mod input;
pub(crate) mod layout;
pub(crate) mod line_end;
pub(crate) mod place;
pub(crate) mod plain_rows;
#[cfg(test)]
pub(crate) mod reading_tests;
pub(crate) mod row_fault;
pub(crate) mod row_format;
pub(crate) mod row_reader;
pub(crate) mod time_unit;
pub(crate) mod window;
