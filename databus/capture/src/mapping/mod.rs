//! The mapping: which tables and columns of the core database are members, profiles, positions and
//! connections.
//!
//! Imports from no other folder of the crate.

pub(crate) mod condition;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod table_map;
pub(crate) mod table_name;

mod site_mapping;

pub use condition::{Condition, Test};
pub use error::MappingError;
pub use site_mapping::Mapping;
pub use table_map::{
    ConnectionMap, FieldMap, FieldSource, MemberMap, Pair, PositionMap, ProfileMap, TableKind,
    TableMap,
};
pub use table_name::TableName;
pub(crate) use table_name::{literal, quoted};
