//! The mapped tables and the publication as the catalogue has them, to notice what the stream does
//! not tell: a table that was rewritten, a partition that was attached or detached, a publication
//! that was changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    connect::{ConnectError, Session},
    mapping::Mapping,
    stream::error::CaptureError,
};

/// The columns of the mapped tables and their partitions. `xmin` is the transaction that last
/// changed the column's description.
const COLUMNS: &str = "
    SELECT m.name, c.oid::text, c.relfilenode::text, a.attname::text, a.attnum::text,
           a.atttypid::text, a.xmin::text,
           coalesce(i.xmin = first.xmin, true)
    FROM unnest($1::text[]) AS m(name)
    CROSS JOIN LATERAL (SELECT to_regclass(m.name) AS root) r
    CROSS JOIN LATERAL (
        SELECT t.relid AS leaf FROM pg_partition_tree(r.root) t WHERE t.isleaf
        UNION SELECT r.root WHERE r.root IS NOT NULL) t
    JOIN pg_class c ON c.oid = t.leaf
    JOIN pg_attribute a ON a.attrelid = r.root AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_attribute first ON first.attrelid = c.oid AND first.attnum = 1";

/// The publication and what it holds, as text.
const PUBLICATION: &str = "
    SELECT p.oid::text || ' ' || p.puballtables || p.pubinsert || p.pubupdate || p.pubdelete
           || p.pubtruncate || p.pubviaroot || ' ' || coalesce((
               SELECT string_agg(r.oid::text, ',' ORDER BY r.oid)
               FROM pg_publication_rel r WHERE r.prpubid = p.oid), '')
    FROM pg_publication p WHERE p.pubname = $1";

/// The mapped tables and the publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TablesState {
    publication: Option<String>,
    tables: BTreeMap<String, TableState>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TableState {
    /// The number of the file of each leaf, by the leaf.
    files: BTreeMap<String, String>,
    /// The leaves that were made as partitions, and had no rows before.
    made_here: Vec<String>,
    columns: BTreeMap<String, ColumnState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ColumnState {
    number: String,
    type_id: String,
    changed_by: String,
}

impl TablesState {
    /// Reads the state of the tables of a mapping.
    pub(super) async fn read(
        session: &Session,
        mapping: &Mapping,
        publication: &str,
    ) -> Result<Self, ConnectError> {
        let client = session.client();
        let names = mapping.table_names().into_iter();
        let names: Vec<_> = names.map(|table| table.quoted()).collect();
        let publication = client.query_opt(PUBLICATION, &[&publication]).await?;
        let mut tables: BTreeMap<String, TableState> = BTreeMap::new();
        for row in client.query(COLUMNS, &[&names]).await? {
            let text = |place: usize| row.try_get::<_, String>(place);
            let table = tables.entry(text(0)?).or_default();
            let leaf = text(1)?;
            if row.try_get(7)? && !table.made_here.contains(&leaf) {
                table.made_here.push(leaf.clone());
            }
            table.files.insert(leaf, text(2)?);
            let column = ColumnState {
                number: text(4)?,
                type_id: text(5)?,
                changed_by: text(6)?,
            };
            table.columns.insert(text(3)?, column);
        }
        Ok(Self {
            publication: publication.map(|row| row.try_get(0)).transpose()?,
            tables,
        })
    }

    /// Checks that the rows of the mapped tables changed only by changes that the stream has, since
    /// an earlier state.
    pub(super) fn check_since(
        &self,
        before: &Self,
        mapping: &Mapping,
        publication: &str,
    ) -> Result<(), CaptureError> {
        let changed = |what: &str| CaptureError::PublicationChanged {
            publication: publication.to_owned(),
            what: what.to_owned(),
        };
        match (&before.publication, &self.publication) {
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
            let Some(now) = self.tables.get(&name) else {
                return Err(changed("it was dropped or renamed".to_owned()));
            };
            let columns = map.columns();
            now.check_since(before, &columns).map_err(changed)?;
        }
        Ok(())
    }
}

impl TableState {
    fn check_since(&self, before: &Self, columns: &[&str]) -> Result<(), String> {
        let mut is_described_anew = false;
        for &column in columns {
            let (Some(before), Some(now)) = (before.columns.get(column), self.columns.get(column))
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
            match self.files.get(leaf) {
                None => return Err("a partition was detached or dropped".to_owned()),
                // VACUUM FULL and CLUSTER make a new file too, but leave the columns alone.
                Some(now) if now != file && is_described_anew => {
                    return Err("its rows were rewritten".to_owned());
                }
                Some(_) => {}
            }
        }
        let mut new = self
            .files
            .keys()
            .filter(|leaf| !before.files.contains_key(*leaf));
        match new.any(|leaf| !self.made_here.contains(leaf)) {
            true => Err("a table with rows was attached as a partition".to_owned()),
            false => Ok(()),
        }
    }
}
