//! The mapping as a whole, checked.

use std::{collections::BTreeMap, fs, path::Path};

use cloud_profile::{Field, Fields, Value};
use cloud_proto::databus::v1::Member;

use crate::mapping::{
    error::MappingError,
    file::{MappingFile, SourceEntry, Sources, Tests, conditions, text},
    table_map::{
        ConnectionMap, FieldMap, FieldSource, MemberMap, PositionMap, ProfileMap, TableKind,
        TableMap,
    },
    table_name::TableName,
};

/// The fields of which an empty display name is made, if all are stated.
const NAMES: [&str; 3] = ["given_name", "family_name", "display_name"];

/// Which tables and columns are members, profiles, positions and connections.
#[derive(Debug)]
pub struct Mapping {
    /// The text from which member ids are hashed. `None`: the keys are positive integers, which are
    /// the ids.
    pub seed: Option<String>,
    /// The tables. A table may be here more than once: its rows are several things. The members
    /// are first.
    pub tables: Vec<TableMap>,
    /// The digest of the text without its comments and layout, as hexadecimal digits.
    pub digest: String,
}

impl Mapping {
    /// Reads a mapping from a file.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let text = fs::read_to_string(path).map_err(|error| MappingError::Read {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text)
    }

    /// Reads a mapping from its text.
    ///
    /// # Errors
    /// If the text is no mapping, or contradicts itself: with the table and the name in question.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let syntax = |error| MappingError::Syntax(Box::new(error));
        let value: toml::Value = toml::from_str(text).map_err(syntax)?;
        let file: MappingFile = toml::from_str(text).map_err(syntax)?;
        // A value prints its tables in order of their names, so only what is stated counts.
        let digest = blake3::hash(value.to_string().as_bytes()).to_hex();
        Self::of(file, digest.to_string())
    }

    /// Returns whether members have a table of their own. If not, they are the ends of the
    /// connections.
    #[must_use]
    pub fn has_members(&self) -> bool {
        let is_member = |map: &TableMap| matches!(map.kind, TableKind::Member(_));
        self.tables.iter().any(is_member)
    }

    /// Returns the names of the tables, each once, in the order of the mapping.
    #[must_use]
    pub fn table_names(&self) -> Vec<&TableName> {
        let mut names = Vec::new();
        for map in &self.tables {
            if !names.contains(&&map.table) {
                names.push(&map.table);
            }
        }
        names
    }

    fn of(file: MappingFile, digest: String) -> Result<Self, MappingError> {
        let MappingFile {
            seed,
            members,
            profiles,
            positions,
            connections,
        } = file;
        if members.is_none() {
            let kind = [("profiles", profiles.len()), ("positions", positions.len())];
            if let Some(&(kind, _)) = kind.iter().find(|(_, count)| *count > 0) {
                return Err(MappingError::NoMembers { kind });
            }
            if connections.is_empty() {
                return Err(MappingError::Empty);
            }
        }
        let mut tables = Vec::new();
        let mut add = |table: String, tests: Tests, kind: TableKind| {
            tables.push(TableMap {
                conditions: conditions(&table, tests)?,
                table: TableName::from_text(&table),
                kind,
            });
            Ok::<_, MappingError>(())
        };
        if let Some(entry) = members {
            let kind = TableKind::Member(MemberMap {
                id: entry.id,
                fields: member_fields(&entry.table, entry.fields)?,
            });
            add(entry.table, entry.conditions, kind)?;
        }
        for entry in profiles {
            let kind = TableKind::Profile(ProfileMap {
                member: entry.member,
                fields: member_fields(&entry.table, entry.fields)?,
            });
            add(entry.table, entry.conditions, kind)?;
        }
        let is_id_hashed = positions.len() > 1;
        for entry in positions {
            let kind = TableKind::Position(PositionMap {
                id: entry.id,
                is_id_hashed: is_id_hashed || entry.hash_id,
                member: entry.member,
                fields: fields(&entry.table, entry.fields)?,
            });
            add(entry.table, entry.conditions, kind)?;
        }
        for entry in connections {
            let kind = TableKind::Connection(ConnectionMap {
                member: entry.member,
                other: entry.other,
                pair: entry.pair.into(),
                connected_at: entry.connected_at,
            });
            add(entry.table, entry.conditions, kind)?;
        }
        check_stated_once(&tables)?;
        complete_names(&mut tables);
        Ok(Self {
            seed,
            tables,
            digest,
        })
    }
}

/// Returns the fields of a member that a table states. The id and the key come from the table's
/// identity.
fn member_fields(table: &str, sources: Sources) -> Result<Vec<FieldMap<Member>>, MappingError> {
    if sources.contains_key("key") {
        return Err(MappingError::NotAField {
            table: table.to_owned(),
            field: "key".to_owned(),
            why: "it is the key of which the member's id is made, and is set where there is a seed",
        });
    }
    fields(table, sources)
}

fn fields<M: Fields>(table: &str, sources: Sources) -> Result<Vec<FieldMap<M>>, MappingError> {
    let fields = sources.into_iter().map(|(name, source)| {
        let (field, attribute) = find_field::<M>(table, &name)?;
        let source = match source {
            SourceEntry::Column(column) => FieldSource::Column(column),
            SourceEntry::IsNull(entry) => FieldSource::IsNull(entry.is_null),
            SourceEntry::Constant(entry) => {
                FieldSource::Constant(text(table, &name, entry.constant)?)
            }
        };
        Ok(FieldMap {
            field,
            attribute,
            source,
        })
    });
    fields.collect()
}

/// Finds a field by its name, or by `attributes.NAME`.
fn find_field<M: Fields>(
    table: &str,
    name: &str,
) -> Result<(&'static Field<M>, Option<String>), MappingError> {
    let (base, attribute) = match name.split_once('.') {
        Some((base, attribute)) => (base, Some(attribute.to_owned())),
        None => (name, None),
    };
    let field = M::FIELDS.iter().find(|field| {
        let is_named = matches!(field.value, Value::NamedTexts { .. });
        field.name == base && is_named == attribute.is_some()
    });
    match field.map(|field| (field, &field.value)) {
        Some((_, Value::Id(_))) => Err(MappingError::NotAField {
            table: table.to_owned(),
            field: name.to_owned(),
            why: "ids come from the columns that identify the row",
        }),
        Some((field, _)) => Ok((field, attribute)),
        None => Err(MappingError::UnknownField {
            table: table.to_owned(),
            field: name.to_owned(),
            known: known_fields::<M>(),
        }),
    }
}

fn known_fields<M: Fields>() -> String {
    let names = M::FIELDS.iter().filter_map(|field| match field.value {
        Value::Id(_) => None,
        Value::NamedTexts { .. } => Some(format!("{}.NAME", field.name)),
        _ => Some(field.name.to_owned()),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the fields of a member that a table states, if it states any.
fn stated(map: &TableMap) -> &[FieldMap<Member>] {
    match &map.kind {
        TableKind::Member(MemberMap { fields, .. })
        | TableKind::Profile(ProfileMap { fields, .. }) => fields,
        TableKind::Position(_) | TableKind::Connection(_) => &[],
    }
}

fn check_stated_once(tables: &[TableMap]) -> Result<(), MappingError> {
    let mut found: BTreeMap<String, &TableName> = BTreeMap::new();
    for map in tables {
        for field in stated(map) {
            if let Some(one) = found.insert(field.path(), &map.table) {
                return Err(MappingError::StatedTwice {
                    field: field.path(),
                    one: one.to_string(),
                    other: map.table.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Lets the display name be made of the given and the family name where no table states it: it is
/// made only if all three are stated. This is so if one table states all the names that are mapped.
fn complete_names(tables: &mut [TableMap]) {
    let states = |map: &TableMap, name: &str| {
        let mut fields = stated(map).iter();
        fields.any(|field| field.field.name == name)
    };
    if tables.iter().any(|map| states(map, "display_name")) {
        return;
    }
    let of_names = |map: &&mut TableMap| NAMES.iter().any(|name| states(map, name));
    let mut naming = tables.iter_mut().filter(of_names);
    let (Some(map), None) = (naming.next(), naming.next()) else {
        return;
    };
    let missing: Vec<_> = NAMES.iter().filter(|name| !states(map, name)).collect();
    let (TableKind::Member(MemberMap { fields, .. })
    | TableKind::Profile(ProfileMap { fields, .. })) = &mut map.kind
    else {
        return;
    };
    for name in missing {
        let named = Member::FIELDS.iter().find(|field| field.name == *name);
        fields.extend(named.map(|field| FieldMap {
            field,
            attribute: None,
            source: FieldSource::Empty,
        }));
    }
}
