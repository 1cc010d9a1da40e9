//! `loader build` from dump files to snapshots that the engine and the search crate open.

mod bad_rows;
mod dump;
mod files;
mod oracle;
mod people;
mod real_data;
mod staging;
