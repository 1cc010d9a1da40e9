//! The rows of members that return: whose row passes its conditions again. Connections, positions
//! and further fields that were written before stated nothing while the member did not exist, or
//! went with it, and the stream does not have them again.
//!
//! They are read from the tables as these are now, which is after the transaction. What later
//! transactions change in them arrives later, and states what is true then.

use cloud_proto::databus::v1::Change;
use tokio_postgres::SimpleQueryMessage;

use crate::{
    connect::Session,
    mapping::{Mapping, TableKind, TableMap, literal, quoted},
    rows::{Datum, RefusedRow, RowError, TableRows},
    stream::{ended::Ended, error::CaptureError},
};

/// The changes that rows make, and the rows that make none.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) changes: Vec<Change>,
    pub(super) refused: Vec<RefusedRow>,
}

/// Reads the rows of the members with these keys, from all mapped tables but that of members, with
/// one round trip.
pub(super) async fn rows_of(
    session: &Session,
    mapping: &Mapping,
    keys: &[String],
) -> Result<Rows, Ended> {
    let maps = mapping.tables.iter();
    let maps: Vec<&TableMap> = maps.filter(|map| !member_columns(map).is_empty()).collect();
    let queries: Vec<String> = maps.iter().map(|map| query(map, keys)).collect();
    let mut messages = session
        .client()
        .simple_query(&queries.join("; "))
        .await?
        .into_iter();
    let mut read = Rows::default();
    for map in maps {
        let columns = map.columns();
        let rows = TableRows::new(mapping, map, columns.iter().copied());
        let rows = rows.map_err(CaptureError::MissingColumn)?;
        for message in messages.by_ref() {
            let row = match message {
                SimpleQueryMessage::Row(row) => row,
                // The end of the answer to a query.
                SimpleQueryMessage::CommandComplete(_) => break,
                _ => continue,
            };
            let row: Vec<Datum<'_>> = (0..columns.len())
                .map(|place| row.get(place).map_or(Datum::Null, Datum::Text))
                .collect();
            match rows.stated(&row) {
                Ok(change) => read.changes.extend(change),
                Err(RowError::Invalid(invalid)) => read.refused.push(rows.refused(&row, &invalid)),
                Err(RowError::NeedsFull { column }) => {
                    let reason = format!("a query of {} returns no {column}", map.table);
                    return Err(CaptureError::Protocol(reason).into());
                }
            }
        }
    }
    Ok(read)
}

/// Returns the columns that name a member to whom a row belongs.
fn member_columns(map: &TableMap) -> Vec<&str> {
    match &map.kind {
        TableKind::Member(_) => Vec::new(),
        TableKind::Profile(profile) => vec![&profile.member],
        TableKind::Position(position) => vec![&position.member],
        TableKind::Connection(connection) => vec![&connection.member, &connection.other],
    }
}

fn query(map: &TableMap, keys: &[String]) -> String {
    let columns: Vec<String> = map.columns().into_iter().map(quoted).collect();
    let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
    let keys = keys.join(", ");
    let is_theirs = |column: &str| format!("{} IN ({keys})", quoted(column));
    let tests: Vec<String> = member_columns(map).into_iter().map(is_theirs).collect();
    format!(
        "SELECT {} FROM {} WHERE {}",
        columns.join(", "),
        map.table.quoted(),
        tests.join(" OR ")
    )
}
