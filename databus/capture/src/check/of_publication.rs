//! Findings about the publication.

use crate::{
    catalogue::{Catalogue, Publication, Table, TableType},
    check::finding::Finding,
    mapping::{Mapping, TableMap, quoted},
};

/// The beginning of the names of capture's slots.
const SLOTS: &str = "cloud";

pub(super) fn of_publication(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Finding> {
    let place = format!("publication {}", catalogue.publication_name);
    let name = quoted(&catalogue.publication_name);
    let names = mapping.table_names();
    let tables = names
        .into_iter()
        .filter_map(|name| catalogue.tables.get(name));
    // Only these can be published.
    let is_table = |table: &&Table| {
        matches!(
            table.table_type,
            TableType::Ordinary | TableType::Partitioned
        )
    };
    let tables: Vec<&Table> = tables
        .filter(is_table)
        .filter(|table| !table.is_unlogged)
        .collect();
    if tables.is_empty() {
        return Vec::new();
    }
    let Some(publication) = &catalogue.publication else {
        let list: Vec<String> = tables.iter().map(|table| table.name.quoted()).collect();
        let server = &catalogue.server;
        let by_others = match server.may_create && tables.iter().all(|table| table.is_owned) {
            true => String::new(),
            false => format!(
                ". The user {} may not create it: that needs CREATE on the database, and the \
                 tables' owner",
                server.user
            ),
        };
        let what = format!("there is none, so no changes are sent{by_others}");
        let finding = Finding::refused(place, what);
        return vec![
            finding
                .mend(format!(
                    "CREATE PUBLICATION {name} FOR TABLE {} \
                     WITH (publish_via_partition_root = true)",
                    list.join(", ")
                ))
                .by_init(),
        ];
    };
    let mut findings = options(publication, &place, &name, &tables);
    for table in tables {
        findings.extend(of_table(mapping, publication, &place, &name, table));
    }
    findings.extend(created_later(publication, catalogue, &place));
    findings
}

fn options(publication: &Publication, place: &str, name: &str, tables: &[&Table]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !publication.sends_all {
        let what = "it does not send all of inserts, updates, deletes and truncations";
        findings.push(
            Finding::refused(place, what)
                .mend(format!(
                    "ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate')"
                ))
                .by_init(),
        );
    }
    let mut partitioned = tables
        .iter()
        .filter(|table| table.table_type == TableType::Partitioned);
    if let Some(table) = partitioned.next().filter(|_| !publication.is_via_root) {
        let what = format!(
            "it sends rows of {} as rows of its partitions, which the mapping does not name",
            table.name
        );
        findings.push(
            Finding::refused(place, what)
                .mend(format!(
                    "ALTER PUBLICATION {name} SET (publish_via_partition_root = true)"
                ))
                .by_init(),
        );
    }
    findings
}

fn of_table(
    mapping: &Mapping,
    publication: &Publication,
    place: &str,
    name: &str,
    table: &Table,
) -> Option<Finding> {
    let quoted_table = table.name.quoted();
    let add = format!("ALTER PUBLICATION {name} ADD TABLE {quoted_table}");
    let drop = format!("ALTER PUBLICATION {name} DROP TABLE {quoted_table}");
    if !publication.sends(table) {
        let what = format!("it does not send {}", table.name);
        return Some(Finding::refused(place, what).mend(add).by_init());
    }
    let entry = publication.entry(&table.name)?;
    if let Some(filter) = &entry.filter {
        let what = format!(
            "it sends only rows of {} with {filter}, so others are missing: the mapping's `where` \
             is the place of conditions",
            table.name
        );
        return Some(Finding::refused(place, what).mend(drop).mend(add).by_init());
    }
    let sent = entry.columns.as_ref()?;
    let maps = mapping.tables.iter().filter(|map| map.table == table.name);
    let mut missing: Vec<&str> = maps
        .flat_map(TableMap::columns)
        .filter(|column| !sent.iter().any(|name| name == column))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() {
        let what = format!(
            "it sends a list of columns of {}, which must follow every change of the mapping, and \
             does not allow REPLICA IDENTITY FULL",
            table.name
        );
        return Some(Finding::warning(place, what).mend(drop).mend(add));
    }
    let what = format!(
        "it sends a list of columns of {} without {}",
        table.name,
        missing.join(", ")
    );
    Some(Finding::refused(place, what).mend(drop).mend(add).by_init())
}

/// Warns of slots that stand before the publication: their changes were not selected by it.
fn created_later(publication: &Publication, catalogue: &Catalogue, place: &str) -> Option<Finding> {
    let is_before = |age: i32| age >= publication.age;
    let of_capture = catalogue.server.slots.iter().find(|slot| {
        slot.name.starts_with(SLOTS)
            && slot.database.as_ref() == Some(&catalogue.server.database)
            && slot.catalogue_age.is_some_and(is_before)
    })?;
    let what = format!(
        "it was created or altered after the position of the slot {}: changes between them may be \
         missing. If it was dropped and created again, bootstrap again",
        of_capture.name
    );
    Some(Finding::warning(place, what))
}
