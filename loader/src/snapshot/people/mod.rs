//! Builds the profiles and the search index from the rows of members and positions.
//!
//! Imports from `database`, `rows`, `sort` and `job`.

pub(crate) mod people_files;
pub(crate) mod people_rows;
pub(crate) mod person_fields;
pub(crate) mod profiles;
pub(crate) mod profiles_by_node;
pub(crate) mod segment_name;
