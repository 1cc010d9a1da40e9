//! The rows of a core database as input of a build, in place of the files of a dump.
//!
//! Imports from `graph`, `people`, `rows`, `sort` and `job`.

pub(crate) mod core_database;
pub(crate) mod database_profiles;
pub(crate) mod masks;
pub(crate) mod refused_rows;
pub(crate) mod without_member;
