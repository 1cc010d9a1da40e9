//! Findings about the mapped tables: that they exist, their columns, their keys, their rows.

use std::collections::BTreeMap;

use strsim::jaro_winkler;

use crate::{
    catalogue::{Catalogue, Column, Duplicates, OneSided, Table, TableType},
    check::finding::Finding,
    mapping::{Mapping, PositionMap, TableKind, TableMap, TableName, quoted},
};

/// The likeness from which a name is proposed.
const LIKENESS_MIN: f64 = 0.8;
/// The names that are proposed at most.
const PROPOSED_MAX: usize = 3;
/// The longest name of an index, of the 63 bytes of an identifier.
const INDEX_NAME_MAX: usize = 60;

pub(super) fn of_tables(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in mapping.table_names() {
        match catalogue.tables.get(name) {
            None => findings.push(missing(name, catalogue)),
            Some(table) => {
                findings.extend(of_type(table, catalogue));
                // A bootstrap reads partitions one by one.
                let leaves = table.leaves.iter().filter(|leaf| *leaf != name);
                let leaves = leaves.filter_map(|leaf| catalogue.tables.get(leaf));
                for read in std::iter::once(table).chain(leaves) {
                    findings.extend(hidden_rows(read, catalogue));
                    findings.extend(privileges(mapping, name, read, catalogue));
                }
            }
        }
    }
    for map in &mapping.tables {
        if let Some(table) = catalogue.tables.get(&map.table) {
            findings.extend(columns(map, table, catalogue));
            findings.extend(keys(mapping, map, table));
        }
    }
    findings.extend(key_types(mapping, catalogue));
    findings.extend(catalogue.one_sided.iter().filter_map(one_sided));
    findings.extend(catalogue.duplicates.iter().filter_map(|found| {
        let map = mapping
            .tables
            .iter()
            .find(|map| map.table == found.table && map.identity_columns() == found.columns)?;
        duplicates(map, found, catalogue.tables.get(&map.table)?, catalogue)
    }));
    findings
}

fn missing(name: &TableName, catalogue: &Catalogue) -> Finding {
    let texts = catalogue.tables.keys().map(|other| {
        let likeness = jaro_winkler(&name.name, &other.name);
        (likeness, other.to_string())
    });
    let what = format!("there is no such table{}", near(texts));
    Finding::refused(name, what)
}

/// Returns the names that are most like the wanted one, as the end of a sentence.
fn near(names: impl Iterator<Item = (f64, String)>) -> String {
    let mut names: Vec<_> = names
        .filter(|&(likeness, _)| likeness >= LIKENESS_MIN)
        .collect();
    names.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    names.truncate(PROPOSED_MAX);
    let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("; names like it: {}", names.join(", "))
}

fn of_type(table: &Table, catalogue: &Catalogue) -> Vec<Finding> {
    let refused = |what: String| Finding::refused(&table.name, what);
    match table.table_type {
        TableType::View | TableType::MaterialisedView => {
            return vec![refused(
                "it is a view, and views send no changes: map the tables behind it".to_owned(),
            )];
        }
        TableType::Foreign => {
            return vec![refused(
                "it is a foreign table, whose changes are in another database: capture from that \
                 one"
                .to_owned(),
            )];
        }
        TableType::Ordinary | TableType::Partitioned => {}
    }
    let mut findings = Vec::new();
    if table.is_partition {
        findings.push(refused(
            "it is a partition: map the partitioned table, as whose rows its rows are sent"
                .to_owned(),
        ));
    }
    for leaf in table
        .leaves
        .iter()
        .filter_map(|leaf| catalogue.tables.get(leaf))
    {
        if leaf.table_type == TableType::Foreign {
            findings.push(refused(format!(
                "its partition {} is a foreign table, whose changes are in another database",
                leaf.name
            )));
        }
        if leaf.is_unlogged {
            let finding = Finding::refused(
                &leaf.name,
                "it is unlogged, so its changes are not in the WAL; making it logged writes all \
                 its rows to the WAL once",
            );
            findings.push(finding.mend(format!("ALTER TABLE {} SET LOGGED", leaf.name.quoted())));
        }
    }
    if !table.heirs.is_empty() {
        let heirs: Vec<String> = table.heirs.iter().map(ToString::to_string).collect();
        findings.push(refused(format!(
            "other tables inherit from it ({}), and their rows would be rows of this table in the \
             bootstrap only: use partitions, or tables of their own",
            heirs.join(", ")
        )));
    }
    findings
}

fn hidden_rows(table: &Table, catalogue: &Catalogue) -> Option<Finding> {
    let user = &catalogue.server.user;
    let what = format!("row-level security hides rows from the user {user}, so a bootstrap fails");
    let mend = format!("ALTER ROLE {} BYPASSRLS", quoted(user));
    table
        .hides_rows
        .then(|| Finding::refused(&table.name, what).mend(mend))
}

/// Judges what the user may read of a mapped table, or of one of its partitions.
fn privileges(
    mapping: &Mapping,
    mapped: &TableName,
    table: &Table,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let user = quoted(&catalogue.server.user);
    let mut findings = Vec::new();
    if !table.may_use_schema {
        let what = format!(
            "the user {user} may not use the schema {}",
            table.name.schema
        );
        let schema = quoted(&table.name.schema);
        findings.push(
            Finding::refused(&table.name, what)
                .mend(format!("GRANT USAGE ON SCHEMA {schema} TO {user}")),
        );
    }
    let maps = mapping.tables.iter().filter(|map| map.table == *mapped);
    let mut columns = maps
        .flat_map(TableMap::columns)
        .filter_map(|name| table.column(name));
    if !table.may_select && !columns.all(|column| column.may_select) {
        let what = format!("the user {user} may not select from it");
        findings.push(
            Finding::refused(&table.name, what)
                .mend(format!("GRANT SELECT ON {} TO {user}", table.name.quoted())),
        );
    }
    findings
}

fn columns(map: &TableMap, table: &Table, catalogue: &Catalogue) -> Vec<Finding> {
    let sends_generated = catalogue
        .publication
        .as_ref()
        .is_some_and(|publication| publication.sends_generated);
    let mut findings = Vec::new();
    for name in map.columns() {
        let Some(column) = table.column(name) else {
            let names = table.columns.iter();
            let names = names.map(|column| (jaro_winkler(name, &column.name), column.name.clone()));
            let what = format!(
                "there is no column {name}, which [{}] names{}",
                map.kind_name(),
                near(names)
            );
            findings.push(Finding::refused(&table.name, what));
            continue;
        };
        if column.is_generated && !sends_generated {
            let what = format!(
                "the column {name} is generated, and the database does not send those: map the \
                 columns of which it is made, or make it a column that the application writes"
            );
            findings.push(Finding::refused(&table.name, what).mend(format!(
                "ALTER TABLE {} ALTER COLUMN {} DROP EXPRESSION",
                table.name.quoted(),
                quoted(name)
            )));
        }
    }
    findings
}

/// Finds keys whose type makes no id.
fn keys(mapping: &Mapping, map: &TableMap, table: &Table) -> Vec<Finding> {
    let members: Vec<&str> = match &map.kind {
        TableKind::Position(PositionMap { member, .. }) => vec![member],
        _ => map.identity_columns(),
    };
    let mut findings = Vec::new();
    for column in members.into_iter().filter_map(|name| table.column(name)) {
        let Column {
            name, type_text, ..
        } = column;
        let is_uuid = column.type_name == "uuid";
        let what = match &mapping.seed {
            None if column.is_integer() => continue,
            None if is_uuid || column.is_text() => format!(
                "the member's key {name} is of type {type_text}: give the mapping a `seed`, a text \
                 that never changes, of which member ids are made with the key"
            ),
            Some(_) if column.is_integer() || is_uuid || column.is_text() => continue,
            _ => format!(
                "the member's key {name} is of type {type_text}: keys are integers, or texts or \
                 UUIDs with a seed"
            ),
        };
        findings.push(Finding::refused(&table.name, what));
    }
    if let TableKind::Position(PositionMap {
        id,
        is_id_hashed: false,
        ..
    }) = &map.kind
        && let Some(column) = table.column(id).filter(|column| !column.is_integer())
    {
        let what = format!(
            "the position's key {id} is of type {}: write `hash_id = true`, then its id is made of \
             the table and the key",
            column.type_text
        );
        findings.push(Finding::refused(&table.name, what));
    }
    findings
}

/// Finds columns of member keys whose texts differ from those of the members' table.
fn key_types(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Finding> {
    if mapping.seed.is_none() {
        return Vec::new();
    }
    let mut types: BTreeMap<&str, String> = BTreeMap::new();
    for map in &mapping.tables {
        let Some(table) = catalogue.tables.get(&map.table) else {
            continue;
        };
        let columns = match &map.kind {
            TableKind::Position(PositionMap { member, .. }) => vec![&**member],
            _ => map.identity_columns(),
        };
        for column in columns.into_iter().filter_map(|name| table.column(name)) {
            let class = match &*column.type_name {
                "text" | "varchar" | "name" => "text",
                "int2" | "int4" | "int8" => "integer",
                other => other,
            };
            let place = format!("{}.{}", table.name, column.name);
            types.entry(class).or_insert(place);
        }
    }
    if types.len() < 2 {
        return Vec::new();
    }
    let found: Vec<String> = types
        .into_iter()
        .map(|(class, place)| format!("{class} in {place}"))
        .collect();
    let what = format!(
        "the members' keys are of several types ({}): one key must have one text everywhere, since \
         ids are hashes of it",
        found.join(", ")
    );
    vec![Finding::warning("mapping", what)]
}

/// Warns of pairs with one row: half of them do not count.
fn one_sided(found: &OneSided) -> Option<Finding> {
    let OneSided {
        table,
        rows,
        one_sided,
    } = found;
    (*one_sided > 0).then(|| {
        let what = format!(
            "{one_sided} of {rows} sampled rows have no row in the other direction: with \
             `pair = \"both_rows\"` such a pair is a connection only if its row is that of the \
             smaller member id. If pairs have one row, write `pair = \"one_row\"`"
        );
        Finding::warning(table, what)
    })
}

/// Judges rows about one object.
fn duplicates(
    map: &TableMap,
    found: &Duplicates,
    table: &Table,
    catalogue: &Catalogue,
) -> Option<Finding> {
    let conditions: Vec<&str> = map
        .conditions
        .iter()
        .map(|condition| &*condition.column)
        .collect();
    let mut leaves = table
        .leaves
        .iter()
        .filter_map(|leaf| catalogue.tables.get(leaf));
    // A change of a row that does not count changes nothing only if its old row is seen.
    let is_seen = !conditions.is_empty() && leaves.all(|leaf| leaf.identity_holds(&conditions));
    if found.is_counting_unique && is_seen {
        return None;
    }
    let keys = found.columns.join(", ");
    let order = if found.is_either_order {
        " in either order"
    } else {
        ""
    };
    let (is_connection, thing) = match map.kind {
        TableKind::Connection(_) => (true, "pairs"),
        TableKind::Member(_) | TableKind::Profile(_) => (false, "members"),
        TableKind::Position(_) => (false, "positions"),
    };
    if !is_seen && (found.is_counting_unique || found.counting_objects == 0 && found.objects > 0) {
        let several = format!("several rows of the same ({keys}){order}, of which one counts");
        let why = "a change of one that does not count removes what the other states, unless the \
                   database sends old rows in full";
        let finding = match found.objects {
            0 => Finding::warning(
                &table.name,
                format!("no {thing} have {several}, but its constraints allow them: {why}"),
            ),
            count => Finding::refused(
                &table.name,
                format!("{count} {thing} have {several}: {why}"),
            )
            .by_init(),
        };
        let full = table
            .leaves
            .iter()
            .map(|leaf| format!("ALTER TABLE {} REPLICA IDENTITY FULL", leaf.quoted()));
        return Some(full.fold(finding, Finding::mend));
    }
    let counted = if is_seen {
        found.counting_objects
    } else {
        found.objects
    };
    let index = unique_index(map, found, table);
    if counted > 0 {
        let what = format!(
            "{counted} {thing} have several rows of the same ({keys}){order}, and no unique \
             constraint keeps them apart: the deletion of one row would remove what the other \
             states. Delete the rows that are too many, then add the constraint{}",
            if found.is_either_order && table.is_unique(&map.identity_columns()) {
                ". If each pair has a row in each direction, write `pair = \"both_rows\"` instead"
            } else {
                ""
            }
        );
        let query = format!(
            "SELECT {} AS keys, count(*) FROM {}{} GROUP BY 1 HAVING count(*) > 1",
            grouping(found),
            table.name.quoted(),
            condition(found)
        );
        return Some(index.into_iter().fold(
            Finding::refused(&table.name, what).mend(query),
            Finding::mend,
        ));
    }
    let what = format!(
        "no unique constraint keeps rows of the same ({keys}){order} apart, though there are none \
         now: the deletion of one of several would remove what the others state"
    );
    let finding = match is_connection {
        true => Finding::warning(&table.name, what),
        false => Finding::refused(&table.name, what),
    };
    Some(index.into_iter().fold(finding, Finding::mend))
}

/// Returns the condition under which rows must be unique: none, if all must be.
fn condition(found: &Duplicates) -> String {
    if found.objects > found.counting_objects {
        return format!(" WHERE {}", found.predicate);
    }
    String::new()
}

fn grouping(found: &Duplicates) -> String {
    let columns: Vec<String> = found.columns.iter().map(|column| quoted(column)).collect();
    match columns.as_slice() {
        [one, other] if found.is_either_order => {
            format!("(least({one}, {other}), greatest({one}, {other}))")
        }
        columns => format!("({})", columns.join(", ")),
    }
}

/// Returns the statement that keeps rows apart. `None` for pairs in either order of a partitioned
/// table, which allows no such index.
fn unique_index(map: &TableMap, found: &Duplicates, table: &Table) -> Option<String> {
    let is_partitioned = table.table_type == TableType::Partitioned;
    if is_partitioned && found.is_either_order {
        return None;
    }
    let columns = match found.is_either_order {
        true => "pair".to_owned(),
        false => found.columns.join("_"),
    };
    let mut name = format!("{}_{columns}_key", map.table.name);
    if name.len() > INDEX_NAME_MAX || table.indexes.iter().any(|index| index.name == name) {
        name = format!("cloud_{}_{}_key", map.kind_name(), table.oid);
    }
    let concurrently = if is_partitioned { "" } else { "CONCURRENTLY " };
    Some(format!(
        "CREATE UNIQUE INDEX {concurrently}{} ON {} {}{}",
        quoted(&name),
        map.table.quoted(),
        grouping(found),
        condition(found)
    ))
}
