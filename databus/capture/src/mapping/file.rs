//! The text of a mapping: `mapping.toml`.
//!
//! ```toml
//! # Only for keys that are not positive integers, such as UUIDs: member ids are hashes of them.
//! seed = "a text that never changes"
//!
//! [members]
//! table = "public.users"
//! id = "id"
//! where = { status = "active", deleted_at = { is_null = true } }
//! fields = { display_name = "name", place = "city", "attributes.team" = "team" }
//!
//! [[profiles]]
//! table = "public.profiles"
//! member = "user_id"
//! fields = { headline = "tagline", skills = "skills" }
//!
//! [[positions]]
//! table = "public.jobs"
//! id = "id"
//! member = "user_id"
//! [positions.fields]
//! kind = { constant = "work" }
//! organisation = "company"
//! from = "started_on"
//! current = { is_null = "ended_on" }
//!
//! [[connections]]
//! table = "public.friendships"
//! member = "user_id"
//! other = "friend_id"
//! pair = "one_row"            # or "both_rows": a row in each direction
//! connected_at = "accepted_at"
//! where = { status = ["accepted"] }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use crate::mapping::{
    condition::{Condition, Test},
    error::MappingError,
    table_map::Pair,
};

/// The text of a mapping, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingFile {
    pub(crate) seed: Option<String>,
    pub(crate) members: Option<MembersEntry>,
    #[serde(default)]
    pub(crate) profiles: Vec<ProfilesEntry>,
    #[serde(default)]
    pub(crate) positions: Vec<PositionsEntry>,
    #[serde(default)]
    pub(crate) connections: Vec<ConnectionsEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersEntry {
    pub(crate) table: String,
    pub(crate) id: String,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Tests,
    #[serde(default)]
    pub(crate) fields: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfilesEntry {
    pub(crate) table: String,
    pub(crate) member: String,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Tests,
    pub(crate) fields: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PositionsEntry {
    pub(crate) table: String,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) hash_id: bool,
    pub(crate) member: String,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Tests,
    #[serde(default)]
    pub(crate) fields: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionsEntry {
    pub(crate) table: String,
    pub(crate) member: String,
    pub(crate) other: String,
    pub(crate) pair: PairEntry,
    pub(crate) connected_at: Option<String>,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Tests,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PairEntry {
    OneRow,
    BothRows,
}

/// The tests of a table by column.
pub(crate) type Tests = BTreeMap<String, Value>;

/// The sources of fields by field.
pub(crate) type Sources = BTreeMap<String, SourceEntry>;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum SourceEntry {
    Column(String),
    Constant(ConstantEntry),
    IsNull(IsNullEntry),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConstantEntry {
    pub(crate) constant: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IsNullEntry {
    pub(crate) is_null: String,
}

impl From<PairEntry> for Pair {
    fn from(pair: PairEntry) -> Self {
        match pair {
            PairEntry::OneRow => Self::OneRow,
            PairEntry::BothRows => Self::BothRows,
        }
    }
}

/// Returns the conditions that a table's `where` states.
pub(crate) fn conditions(table: &str, tests: Tests) -> Result<Vec<Condition>, MappingError> {
    let conditions = tests.into_iter().map(|(column, value)| {
        let test = match value {
            Value::Array(values) => {
                let texts = values.into_iter().map(|value| text(table, &column, value));
                Test::OneOf(texts.collect::<Result<_, _>>()?)
            }
            Value::Table(ref entries) if entries.len() == 1 => match entries.get("is_null") {
                Some(Value::Boolean(true)) => Test::IsNull,
                Some(Value::Boolean(false)) => Test::IsNotNull,
                _ => return Err(no_constant(table, &column, &value)),
            },
            value => Test::OneOf(vec![text(table, &column, value)?]),
        };
        Ok(Condition { column, test })
    });
    conditions.collect()
}

/// Returns a constant as the text that the database prints for it.
pub(crate) fn text(table: &str, name: &str, value: Value) -> Result<String, MappingError> {
    match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(truth) => Ok(truth.to_string()),
        other => Err(no_constant(table, name, &other)),
    }
}

fn no_constant(table: &str, name: &str, value: &Value) -> MappingError {
    MappingError::NoConstant {
        table: table.to_owned(),
        name: name.to_owned(),
        found: value.to_string(),
    }
}
