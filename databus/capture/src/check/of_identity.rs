//! Findings about replica identities: the columns of an old row that an UPDATE or a DELETE sends.
//!
//! A DELETE sends only these columns of the row. They must identify the mapped object. Each leaf of
//! a partitioned table has a replica identity of its own, which says what is in the WAL. The stream
//! is that of the partitioned table: it names only the columns of that one's identity.

use crate::{
    catalogue::{Catalogue, Identity, Index, Table, TableType},
    check::{finding::Finding, of_server::size},
    mapping::{Mapping, TableKind, TableMap, TableName, quoted},
};

pub(super) fn of_identity(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in mapping.table_names() {
        let maps: Vec<&TableMap> = mapping
            .tables
            .iter()
            .filter(|map| map.table == *name)
            .collect();
        let Some(table) = catalogue.tables.get(name) else {
            continue;
        };
        let mut needed: Vec<&str> = maps.iter().flat_map(|map| map.identity_columns()).collect();
        needed.sort_unstable();
        needed.dedup();
        if needed.iter().any(|column| table.column(column).is_none()) {
            continue;
        }
        let leaves = table
            .leaves
            .iter()
            .filter_map(|leaf| catalogue.tables.get(leaf));
        let leaves = leaves.filter(|leaf| leaf.table_type == TableType::Ordinary);
        let root = Some(table).filter(|table| table.table_type == TableType::Partitioned);
        let parts: Vec<&Table> = root.into_iter().chain(leaves).collect();
        let is_full = |part: &&Table| part.identity == Identity::Full;
        let needs_full = parts.iter().any(|part| {
            is_full(part) || !part.identity_holds(&needed) && covering(part, &needed).is_none()
        });
        for part in &parts {
            if parts.len() > 1 && needs_full && !is_full(part) {
                findings.push(mixed(name, part));
            } else if part.identity_holds(&needed) {
                findings.extend(out_of_line(&maps, table, part));
                findings.extend(unknown_return(mapping, &maps, part));
            } else {
                findings.push(missing(&needed, name, part));
            }
        }
    }
    findings
}

/// Says which columns are missing, and sets the least replica identity that holds them and what the
/// present one holds.
fn missing(needed: &[&str], root: &TableName, leaf: &Table) -> Finding {
    let held = leaf.identity_columns().unwrap_or_default();
    let lacking: Vec<&str> = needed
        .iter()
        .copied()
        .filter(|column| !held.contains(column))
        .collect();
    let has = match &leaf.identity {
        Identity::Default if held.is_empty() => "there is no primary key".to_owned(),
        Identity::Default => format!(
            "the replica identity is the primary key ({})",
            held.join(", ")
        ),
        Identity::Index(Some(name)) => {
            format!(
                "the replica identity is the index {name} ({})",
                held.join(", ")
            )
        }
        Identity::Index(None) => "the index of the replica identity was dropped".to_owned(),
        Identity::Nothing => "the replica identity is NOTHING".to_owned(),
        Identity::Full => String::new(),
    };
    let of_root = match *root == leaf.name {
        true => String::new(),
        false => format!(" (a partition of {root})"),
    };
    let what = format!(
        "{has}{of_root}, so a DELETE does not say the {} of its row",
        lacking.join(" and ")
    );
    let table = leaf.name.quoted();
    let mut kept: Vec<&str> = needed.to_vec();
    // Another reader may need what the present identity holds.
    if matches!(leaf.identity, Identity::Index(_)) || leaf.is_published_elsewhere {
        kept.extend(held);
    }
    match covering(leaf, &kept) {
        Some(index) => {
            Finding::refused(&leaf.name, format!("{what}. The index {} does", index.name)).mend(
                format!(
                    "ALTER TABLE {table} REPLICA IDENTITY USING INDEX {}",
                    quoted(&index.name)
                ),
            )
        }
        None => Finding::refused(
            &leaf.name,
            format!(
                "{what}. No unique index over NOT NULL columns does, so the whole old row must be \
                 sent. {}",
                cost_of_full(leaf)
            ),
        )
        .mend(format!("ALTER TABLE {table} REPLICA IDENTITY FULL")),
    }
    .by_init()
}

/// Says that a partitioned table and all its partitions must send the whole old row, because one of
/// them does.
fn mixed(root: &TableName, part: &Table) -> Finding {
    let what = format!(
        "{root} or one of its partitions sends the whole old row, or must: this one does not, so \
         values of the old row would be taken for NULL. {}",
        cost_of_full(part)
    );
    let table = part.name.quoted();
    Finding::refused(&part.name, what)
        .mend(format!("ALTER TABLE {table} REPLICA IDENTITY FULL"))
        .by_init()
}

/// Returns the smallest index that may be the replica identity and holds these columns.
fn covering<'t>(table: &'t Table, kept: &[&str]) -> Option<&'t Index> {
    let fits = |index: &&Index| {
        index.identifying_columns().is_some_and(|columns| {
            kept.iter().all(|column| columns.contains(column))
                && columns.iter().all(|column| table.is_not_null(column))
        })
    };
    let indexes = table.indexes.iter().filter(fits);
    indexes.min_by_key(|index| index.columns.len())
}

fn cost_of_full(table: &Table) -> String {
    if table.rows < 1.0 {
        return "Each UPDATE and DELETE then writes the old row to the WAL once more".to_owned();
    }
    #[expect(clippy::cast_precision_loss, reason = "printed as a rounded size")]
    let all = table.row_bytes * table.changes as f64;
    format!(
        "Each UPDATE and DELETE then writes the old row to the WAL once more, about {} a row; {} \
         of them since the statistics were reset make {}",
        size(table.row_bytes),
        table.changes,
        size(all)
    )
}

/// Warns of values that are stored out of line: an UPDATE that does not change them sends them only
/// as part of a full old row. A row that begins to count, or whose key changes, needs all values.
fn out_of_line(maps: &[&TableMap], root: &Table, leaf: &Table) -> Option<Finding> {
    if leaf.identity == Identity::Full {
        return None;
    }
    let need_whole_rows = maps
        .iter()
        .filter(|map| !map.conditions.is_empty() || is_key_updated(map, root));
    let mut columns: Vec<&str> = need_whole_rows
        .flat_map(|map| map.columns())
        .filter(|name| leaf.column(name).is_some_and(|column| column.is_toastable))
        .filter(|name| !leaf.identity_holds(&[name]))
        .collect();
    columns.sort_unstable();
    columns.dedup();
    if columns.is_empty() {
        return None;
    }
    let what = format!(
        "an UPDATE does not send a long value of {} again that it does not change. A row that \
         begins to pass the conditions, or whose key changes with a row that it refers to, needs \
         all values: capture ends there. {}",
        columns.join(", "),
        cost_of_full(leaf)
    );
    let statement = format!("ALTER TABLE {} REPLICA IDENTITY FULL", leaf.name.quoted());
    let finding = Finding::warning(&leaf.name, what).mend(statement);
    // Any UPDATE may be one after which a row begins to pass. Keys change rarely, and the values of
    // conditions are short.
    let is_frequent = maps.iter().any(|map| {
        let is_tested = |name: &str| map.conditions.iter().any(|test| test.column == name);
        let is_long_field = |name: &&str| map.columns().contains(name) && !is_tested(name);
        !map.conditions.is_empty() && columns.iter().any(is_long_field)
    });
    Some(if is_frequent {
        finding.by_init()
    } else {
        finding
    })
}

/// Warns of members that return without their other rows: an UPDATE does not say whether the row
/// passed the conditions before it.
fn unknown_return(mapping: &Mapping, maps: &[&TableMap], part: &Table) -> Option<Finding> {
    let is_member = |map: &&&TableMap| matches!(map.kind, TableKind::Member(_));
    let members = maps.iter().find(is_member)?;
    let tested = members.conditions.iter().map(|test| &*test.column);
    let tested: Vec<&str> = tested.collect();
    if mapping.tables.len() == 1 || part.identity_holds(&tested) {
        return None;
    }
    let what = format!(
        "an UPDATE does not send the old {}, so a member whose row passes the conditions again \
         comes without the rows of other tables that were written before. {}",
        tested.join(" and "),
        cost_of_full(part)
    );
    let statement = format!("ALTER TABLE {} REPLICA IDENTITY FULL", part.name.quoted());
    Some(Finding::warning(&part.name, what).mend(statement).by_init())
}

/// Returns whether what identifies a row changes along with a row that it refers to.
fn is_key_updated(map: &TableMap, table: &Table) -> bool {
    let identity = map.identity_columns();
    let mut updated = table.foreign_keys.iter().filter(|key| key.is_updated);
    updated.any(|key| {
        let mut columns = key.columns.iter();
        columns.any(|column| identity.contains(&&**column))
    })
}
