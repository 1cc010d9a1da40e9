//! Why a mapping is rejected.

use std::{io, path::PathBuf};

/// Why a mapping is rejected. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read the mapping {path}: {error}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// The text is not TOML, or has a name that a mapping does not have.
    #[error("the mapping: {0}")]
    Syntax(Box<toml::de::Error>),
    /// A field is none of a member's or a position's.
    #[error("the mapping of {table}: no field is named {field}; the fields are {known}")]
    UnknownField {
        /// The table.
        table: String,
        /// The name.
        field: String,
        /// The names of the fields.
        known: String,
    },
    /// A field that the mapping itself sets.
    #[error("the mapping of {table}: {field} is not a field to map: {why}")]
    NotAField {
        /// The table.
        table: String,
        /// The name.
        field: String,
        /// Where the value comes from.
        why: &'static str,
    },
    /// Two tables state the same field of a member, so the last change would win.
    #[error("the mapping: both {one} and {other} state the field {field}: name it in one of them")]
    StatedTwice {
        /// The field.
        field: String,
        /// A table.
        one: String,
        /// The other table.
        other: String,
    },
    /// A constant is neither a text nor a number nor a truth value.
    #[error(
        "the mapping of {table}: {name} is {found}: write a text, a number, true, false, \
         a list of them, {{ is_null = true }} or {{ is_null = false }}"
    )]
    NoConstant {
        /// The table.
        table: String,
        /// The column or field.
        name: String,
        /// The value.
        found: String,
    },
    /// Tables that need members have none to belong to.
    #[error(
        "the mapping has {kind} and no members: add [members] with the table of the members, \
         or leave out [[{kind}]]"
    )]
    NoMembers {
        /// The word of the mapping.
        kind: &'static str,
    },
    /// The mapping maps nothing.
    #[error("the mapping has neither members nor connections")]
    Empty,
}
