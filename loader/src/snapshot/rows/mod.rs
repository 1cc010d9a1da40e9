//! Rows of a dump: files in any form that is taken, cut into rows and fields, with what is wrong with each and where.
//!
//! Imports from `job`.

pub(crate) mod block_reader;
pub(crate) mod column_map;
pub(crate) mod copy_fields;
pub(crate) mod dump_file;
pub(crate) mod input;
pub(crate) mod layout;
pub(crate) mod place;
pub(crate) mod plain_rows;
#[cfg(test)]
pub(crate) mod reading_tests;
pub(crate) mod row_fault;
pub(crate) mod row_format;
pub(crate) mod row_reader;
pub(crate) mod time_unit;
pub(crate) mod window;
