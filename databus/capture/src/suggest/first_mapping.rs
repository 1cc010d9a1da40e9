//! The text of a first mapping.

use std::collections::BTreeSet;

use rand::Rng as _;

use crate::{
    catalogue::{Catalogue, Column, Table},
    connect::{ConnectError, Session},
    mapping::{Mapping, MappingError},
    suggest::{
        connections::{self, Likeness, likeness},
        fields::{Entry, inline, key, member_fields, not_deleted, position_fields, text},
        members::{Members, tables},
        status::{Values, is_status},
        words::{CONNECTIONS, EDUCATION, NO_POSITIONS, STATUS, WORK, find, is_named},
    },
};

/// The bytes of a seed.
const SEED_BYTES: usize = 16;
/// The tables that a comment lists at most.
const LISTED_MAX: usize = 12;

/// Why no mapping is suggested.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// A query failed.
    #[error(transparent)]
    Query(#[from] ConnectError),
    /// No table looks like one of members.
    #[error(
        "no table looks like one of members: none is named users, members, accounts or people, and \
         no table refers to another twice. The tables are {tables}. Write the mapping by hand: see \
         the form in `databus capture postgres --help`"
    )]
    NoMembers {
        /// The names of the tables.
        tables: String,
    },
    /// The text is no mapping. This is a fault of the suggestion.
    #[error("the suggestion is no mapping: {error}. It reads:\n{text}")]
    NoMapping {
        /// Why not.
        error: MappingError,
        /// The text.
        text: String,
    },
}

/// Writes a first mapping with comments, for an engineer to edit. It reads samples of the rows.
///
/// # Errors
/// If no table looks like one of members, or a query fails.
pub async fn suggest(session: &Session, catalogue: &Catalogue) -> Result<String, SuggestError> {
    let Some(members) = Members::find(catalogue) else {
        let names: Vec<String> = tables(catalogue)
            .take(LISTED_MAX)
            .map(|table| table.name.to_string())
            .collect();
        return Err(SuggestError::NoMembers {
            tables: names.join(", "),
        });
    };
    let referring = tables(catalogue).filter(|table| table.name != members.table.name);
    let referring: Vec<(&Table, Vec<&Column>)> = referring
        .map(|table| (table, members.references(table)))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    let mut blocks = vec![heading(catalogue)];
    if !members.id.is_integer() {
        blocks.push(seed());
    }
    let mut stated = BTreeSet::new();
    blocks.push(member_block(session, members, &mut stated).await?);
    let mut left: Vec<&Table> = Vec::new();
    let mut pairs: Vec<(Likeness, &Table, [&Column; 2])> = Vec::new();
    for (table, columns) in referring {
        match *columns.as_slice() {
            [member] => {
                let block = profile_block(table, member, &mut stated)
                    .or_else(|| position_block(table, member));
                match block {
                    Some(block) => blocks.push(block),
                    None => left.push(table),
                }
            }
            [one, other] => pairs.push((likeness(table, [one, other]), table, [one, other])),
            _ => left.push(table),
        }
    }
    let best = pairs.iter().map(|&(likeness, ..)| likeness).max();
    let mut has_connections = false;
    for (likeness, table, ends) in pairs {
        if likeness > Likeness::Unlikely && Some(likeness) == best {
            has_connections = true;
            blocks.push(connections::entry(session, table, ends).await?);
        } else {
            left.push(table);
        }
    }
    if !has_connections {
        blocks.push(
            "# No table looks like one of connections. Name it:\n# [[connections]]\n# table = \
             \"public.TABLE\"\n# member = \"COLUMN\"\n# other = \"COLUMN\"\n# pair = \"one_row\""
                .to_owned(),
        );
    }
    if !left.is_empty() {
        let names: Vec<String> = left
            .iter()
            .take(LISTED_MAX)
            .map(|table| table.name.to_string())
            .collect();
        let more = match left.len().saturating_sub(LISTED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        blocks.push(format!(
            "# Not mapped, though they refer to members: {}{more}.",
            names.join(", ")
        ));
    }
    let text = format!("{}\n", blocks.join("\n\n"));
    match Mapping::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(SuggestError::NoMapping { error, text }),
    }
}

fn heading(catalogue: &Catalogue) -> String {
    format!(
        "# A first mapping of the database {}, suggested from its tables. Check each line,\n\
         # then run `databus capture postgres --check`.",
        catalogue.server.database
    )
}

fn seed() -> String {
    let bytes: [u8; SEED_BYTES] = rand::rng().random();
    let seed: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "# The members' keys are no integers: their ids are hashes of this text and the key.\n\
         # Clients need it too. It must never change.\n\
         seed = \"{seed}\""
    )
}

async fn member_block(
    session: &Session,
    members: Members<'_>,
    stated: &mut BTreeSet<&'static str>,
) -> Result<String, ConnectError> {
    let Members { table, id } = members;
    let fields = member_fields(table, stated);
    let mut lines = vec![
        "[members]".to_owned(),
        format!("table = {}", text(&table.name.to_string())),
        format!("id = {}", text(&id.name)),
    ];
    lines.extend(conditions(table));
    if let Some(comment) = statuses(session, table).await? {
        lines.push(comment);
    }
    lines.extend(unmapped(table, &fields, &[&id.name]));
    if !fields.is_empty() {
        lines.push("[members.fields]".to_owned());
        lines.extend(entries(&fields));
    }
    Ok(lines.join("\n"))
}

/// Returns a comment with the values of a status of members: rows of some may be no members.
async fn statuses(session: &Session, table: &Table) -> Result<Option<String>, ConnectError> {
    let may_select = |column: &Column| table.may_select || column.may_select;
    let Some(column) = find(table, STATUS, |column| {
        may_select(column) && is_status(table, column)
    }) else {
        return Ok(None);
    };
    let values = Values::read(session, table, column).await?;
    Ok(Some(format!(
        "# CHECK: are all rows members? {values} Add a test to `where` if not."
    )))
}

/// Writes the entry of a table with one row a member that has fields of a member.
fn profile_block(
    table: &Table,
    member: &Column,
    stated: &mut BTreeSet<&'static str>,
) -> Option<String> {
    if !table.is_unique(&[&member.name]) {
        return None;
    }
    let fields = member_fields(table, stated);
    if fields.is_empty() {
        return None;
    }
    let mut lines = vec![
        "[[profiles]]".to_owned(),
        format!("table = {}", text(&table.name.to_string())),
        format!("member = {}", text(&member.name)),
    ];
    lines.extend(conditions(table));
    lines.extend(unmapped(table, &fields, &[&member.name]));
    lines.push("[profiles.fields]".to_owned());
    lines.extend(entries(&fields));
    Some(lines.join("\n"))
}

/// Writes the entry of a table that is named like one of jobs or of studies.
fn position_block(table: &Table, member: &Column) -> Option<String> {
    let kind = match is_named(table, EDUCATION) {
        _ if is_named(table, NO_POSITIONS) => return None,
        true => "education",
        false if is_named(table, WORK) && !is_named(table, CONNECTIONS) => "work",
        false => return None,
    };
    let fields = position_fields(table, kind);
    let has = |wanted: &str| fields.iter().any(|(field, _)| field == wanted);
    if !has("title") && !has("organisation") {
        return None;
    }
    let keys = table.primary_key()?.columns.iter().flatten();
    let mut keys = keys.filter(|name| **name != member.name);
    let (id, None) = (table.column(keys.next()?)?, keys.next()) else {
        return None;
    };
    let mut lines = vec![
        "[[positions]]".to_owned(),
        format!("table = {}", text(&table.name.to_string())),
        format!("id = {}", text(&id.name)),
        format!("member = {}", text(&member.name)),
    ];
    if !id.is_integer() {
        lines.push("hash_id = true".to_owned());
    }
    lines.extend(conditions(table));
    lines.extend(unmapped(table, &fields, &[&id.name, &member.name]));
    lines.push("[positions.fields]".to_owned());
    lines.extend(entries(&fields));
    Some(lines.join("\n"))
}

fn conditions(table: &Table) -> Option<String> {
    let conditions = not_deleted(table);
    (!conditions.is_empty()).then(|| format!("where = {}", inline(&conditions)))
}

/// Returns a comment with the columns that no field takes.
fn unmapped(table: &Table, fields: &[Entry], keys: &[&str]) -> Option<String> {
    let is_mapped = |name: &str| {
        keys.contains(&name) || fields.iter().any(|(_, value)| value.contains(&text(name)))
    };
    let names = table.columns.iter().map(|column| &*column.name);
    let names: Vec<&str> = names.filter(|name| !is_mapped(name)).collect();
    let listed = names.join(", ");
    (!names.is_empty()).then(|| format!("# Not mapped to fields: {listed}."))
}

fn entries(entries: &[Entry]) -> impl Iterator<Item = String> {
    entries
        .iter()
        .map(|(name, value)| format!("{} = {value}", key(name)))
}
