//! Whether the mapped tables changed in ways that the stream does not tell: a table that was
//! rewritten, a partition that was attached or detached, a publication that was changed.

use crate::{
    mapping::Mapping,
    state::{TableState, TablesState},
    stream::error::CaptureError,
};

/// Checks that the rows of the mapped tables changed only by changes that the stream has, from an
/// earlier state to the present one.
pub(super) fn check_tables(
    before: &TablesState,
    now: &TablesState,
    mapping: &Mapping,
    publication: &str,
) -> Result<(), CaptureError> {
    let changed = |what: &str| CaptureError::PublicationChanged {
        publication: publication.to_owned(),
        what: what.to_owned(),
    };
    match (&before.publication, &now.publication) {
        (_, None) => return Err(changed("dropped")),
        (Some(before), Some(now)) if before != now => return Err(changed("changed")),
        _ => {}
    }
    for map in &mapping.tables {
        let name = map.table.quoted();
        let changed = |what: String| CaptureError::TableChanged {
            table: map.table.to_string(),
            what,
        };
        let Some(before) = before.tables.get(&name) else {
            continue;
        };
        let Some(now) = now.tables.get(&name) else {
            return Err(changed("it was dropped or renamed".to_owned()));
        };
        let columns = map.columns();
        check_table(before, now, &columns).map_err(changed)?;
    }
    Ok(())
}

fn check_table(before: &TableState, now: &TableState, columns: &[&str]) -> Result<(), String> {
    let mut is_described_anew = false;
    for &column in columns {
        let (Some(before), Some(now)) = (before.columns.get(column), now.columns.get(column))
        else {
            return Err(format!("its column {column} was dropped or renamed"));
        };
        if (&before.number, &before.type_id) != (&now.number, &now.type_id) {
            return Err(format!(
                "its column {column} was replaced or got another type"
            ));
        }
        is_described_anew |= before.changed_by != now.changed_by;
    }
    for (leaf, file) in &before.files {
        match now.files.get(leaf) {
            None => return Err("a partition was detached or dropped".to_owned()),
            // VACUUM FULL and CLUSTER make a new file too, but leave the columns alone.
            Some(file_now) if file_now != file && is_described_anew => {
                return Err("its rows were rewritten".to_owned());
            }
            // The stream has no TRUNCATE of a partition alone.
            Some(file_now) if file_now != file && now.without_rows.contains(leaf) => {
                return Err("a partition was truncated".to_owned());
            }
            Some(_) => {}
        }
    }
    if !now.other_identity.is_empty() {
        return Err(
            "the replica identity of a partition is FULL and its own is not, or the other way \
             round: run `--check`"
                .to_owned(),
        );
    }
    let mut new = now
        .files
        .keys()
        .filter(|leaf| !before.files.contains_key(*leaf));
    match new.any(|leaf| !now.made_here.contains(leaf)) {
        true => Err("a table with rows was attached as a partition".to_owned()),
        false => Ok(()),
    }
}
