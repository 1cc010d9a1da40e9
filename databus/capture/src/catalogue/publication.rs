//! A publication: the tables and rows that the database streams.

use crate::{
    catalogue::table::Table,
    connect::{ConnectError, Session},
    mapping::TableName,
};

/// A publication.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The object id: another one, if the publication is dropped and created again.
    pub oid: u32,
    /// How many transactions ago it was created or its options were altered.
    pub age: i32,
    /// Whether it is of all tables.
    pub is_of_all: bool,
    /// The schemas whose tables it sends.
    pub schemas: Vec<String>,
    /// The tables that it names.
    pub tables: Vec<PublishedTable>,
    /// Whether it sends inserts, updates, deletes and truncations.
    pub sends_all: bool,
    /// Whether the rows of a partition are sent as rows of the partitioned table.
    pub is_via_root: bool,
    /// Whether it sends stored generated columns, from version 18 on.
    pub sends_generated: bool,
}

/// A table that a publication names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedTable {
    /// The table.
    pub name: TableName,
    /// The condition of the rows that are sent, as SQL.
    pub filter: Option<String>,
    /// The columns that are sent; `None` for all.
    pub columns: Option<Vec<String>>,
}

impl Publication {
    pub(super) async fn read(
        session: &Session,
        version: i32,
        name: &str,
    ) -> Result<Option<Self>, ConnectError> {
        let client = session.client();
        let generated = if version >= 18_00_00 {
            "pubgencols = 's'"
        } else {
            "false"
        };
        let query = format!(
            "SELECT oid, age(xmin), puballtables,
                pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot, {generated}
             FROM pg_publication WHERE pubname = $1"
        );
        let Some(row) = client.query_opt(&query, &[&name]).await? else {
            return Ok(None);
        };
        let oid: u32 = row.try_get(0)?;
        let (filter, columns) = if version >= 15_00_00 {
            (
                "pg_get_expr(r.prqual, r.prrelid)",
                "CASE WHEN r.prattrs IS NOT NULL THEN ARRAY(
                    SELECT a.attname::text FROM pg_attribute a
                    WHERE a.attrelid = r.prrelid AND a.attnum = ANY(r.prattrs)
                    ORDER BY a.attnum) END",
            )
        } else {
            ("NULL::text", "NULL::text[]")
        };
        let query = format!(
            "SELECT n.nspname::text, c.relname::text, {filter}, {columns}
             FROM pg_publication_rel r
                JOIN pg_class c ON c.oid = r.prrelid
                JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE r.prpubid = $1 ORDER BY 1, 2"
        );
        let rows = client.query(&query, &[&oid]).await?;
        let tables = rows.iter().map(|row| {
            Ok(PublishedTable {
                name: TableName {
                    schema: row.try_get(0)?,
                    name: row.try_get(1)?,
                },
                filter: row.try_get(2)?,
                columns: row.try_get(3)?,
            })
        });
        let schemas = if version >= 15_00_00 {
            let query = "SELECT n.nspname::text FROM pg_publication_namespace p
                            JOIN pg_namespace n ON n.oid = p.pnnspid
                         WHERE p.pnpubid = $1 ORDER BY 1";
            let rows = client.query(query, &[&oid]).await?;
            rows.iter()
                .map(|row| row.try_get(0))
                .collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        Ok(Some(Self {
            oid,
            age: row.try_get(1)?,
            is_of_all: row.try_get(2)?,
            schemas,
            tables: tables.collect::<Result<_, tokio_postgres::Error>>()?,
            sends_all: row.try_get(3)?,
            is_via_root: row.try_get(4)?,
            sends_generated: row.try_get(5)?,
        }))
    }

    /// Returns the entry that names a table.
    #[must_use]
    pub fn entry(&self, table: &TableName) -> Option<&PublishedTable> {
        self.tables.iter().find(|entry| entry.name == *table)
    }

    /// Returns whether a table is sent.
    #[must_use]
    pub fn sends(&self, table: &Table) -> bool {
        self.is_of_all
            || self.schemas.contains(&table.name.schema)
            || self.entry(&table.name).is_some()
    }
}
