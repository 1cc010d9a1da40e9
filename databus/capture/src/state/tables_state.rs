//! The mapped tables and the publication as the catalogue has them, to notice what the stream does
//! not tell: a table that was rewritten, a partition that was attached or detached, a publication
//! that was changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    connect::{ConnectError, Session},
    mapping::Mapping,
};

/// The columns of the mapped tables and their partitions. `xmin` is the transaction that last
/// changed the column's description. A leaf was created by PARTITION OF, and so was empty then, if
/// its row of `pg_inherits` comes from the transaction that created the table. That one also made
/// the description of the column `ctid`, which never changes. TRUNCATE sets the estimated number of
/// a table's rows to -1.
const COLUMNS: &str = "
    SELECT m.name, c.oid::text, c.relfilenode::text, a.attname::text, a.attnum::text,
           a.atttypid::text, a.xmin::text,
           coalesce(i.xmin = made.xmin, true),
           i.inhrelid IS NOT NULL AND c.reltuples <= 0,
           (c.relreplident = 'f') <> (root.relreplident = 'f')
    FROM unnest($1::text[]) AS m(name)
    CROSS JOIN LATERAL (SELECT to_regclass(m.name) AS root) r
    CROSS JOIN LATERAL (
        SELECT t.relid AS leaf FROM pg_partition_tree(r.root) t WHERE t.isleaf
        UNION SELECT r.root WHERE r.root IS NOT NULL) t
    JOIN pg_class c ON c.oid = t.leaf
    JOIN pg_class root ON root.oid = r.root
    JOIN pg_attribute a ON a.attrelid = r.root AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    LEFT JOIN pg_attribute made ON made.attrelid = c.oid AND made.attnum = -1
    WHERE i.inhrelid IS NOT NULL OR c.oid = r.root";

/// The publication and its tables, as text.
const PUBLICATION: &str = "
    SELECT p.oid::text || ' ' || p.puballtables || p.pubinsert || p.pubupdate || p.pubdelete
           || p.pubtruncate || p.pubviaroot || ' ' || coalesce((
               SELECT string_agg(r.oid::text, ',' ORDER BY r.oid)
               FROM pg_publication_rel r WHERE r.prpubid = p.oid), '')
    FROM pg_publication p WHERE p.pubname = $1";

/// The schemas whose tables a publication sends, as text.
const SCHEMAS: &str = "
    SELECT string_agg(' ' || n.oid::text, ',' ORDER BY n.oid)
    FROM pg_publication p JOIN pg_publication_namespace n ON n.pnpubid = p.oid
    WHERE p.pubname = $1";

/// The first version of PostgreSQL whose publications may hold schemas.
const VERSION_WITH_SCHEMAS: i32 = 150_000;

/// The mapped tables and the publication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TablesState {
    pub(crate) publication: Option<String>,
    pub(crate) tables: BTreeMap<String, TableState>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableState {
    /// The number of the file of each leaf, by the leaf.
    pub(crate) files: BTreeMap<String, String>,
    /// The leaves that were made as partitions, and had no rows before.
    pub(crate) made_here: Vec<String>,
    /// The partitions that may have no rows: never estimated, truncated since, or empty.
    #[serde(default)]
    pub(crate) without_rows: Vec<String>,
    /// The partitions whose replica identity is FULL and the table's is not, or the other way
    /// round. The database then sends old rows without values that it names, or NULL in their
    /// place.
    #[serde(default)]
    pub(crate) other_identity: Vec<String>,
    pub(crate) columns: BTreeMap<String, ColumnState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnState {
    pub(crate) number: String,
    pub(crate) type_id: String,
    pub(crate) changed_by: String,
}

impl TablesState {
    /// Reads the state of the tables of a mapping.
    pub(crate) async fn read(
        session: &Session,
        mapping: &Mapping,
        publication: &str,
    ) -> Result<Self, ConnectError> {
        let client = session.client();
        let names = mapping.table_names().into_iter();
        let names: Vec<_> = names.map(|table| table.quoted()).collect();
        let name = publication;
        let publication = client.query_opt(PUBLICATION, &[&name]).await?;
        let publication = publication.map(|row| row.try_get::<_, String>(0));
        let mut publication = publication.transpose()?;
        let version = "SELECT current_setting('server_version_num')::int";
        let version: i32 = client.query_one(version, &[]).await?.try_get(0)?;
        if version >= VERSION_WITH_SCHEMAS {
            let schemas: Option<String> = client.query_one(SCHEMAS, &[&name]).await?.try_get(0)?;
            publication = publication.map(|text| text + &schemas.unwrap_or_default());
        }
        let mut tables: BTreeMap<String, TableState> = BTreeMap::new();
        for row in client.query(COLUMNS, &[&names]).await? {
            let text = |place: usize| row.try_get::<_, String>(place);
            let table = tables.entry(text(0)?).or_default();
            let leaf = text(1)?;
            if row.try_get(7)? && !table.made_here.contains(&leaf) {
                table.made_here.push(leaf.clone());
            }
            if row.try_get(8)? && !table.without_rows.contains(&leaf) {
                table.without_rows.push(leaf.clone());
            }
            if row.try_get(9)? && !table.other_identity.contains(&leaf) {
                table.other_identity.push(leaf.clone());
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
            publication,
            tables,
        })
    }
}
