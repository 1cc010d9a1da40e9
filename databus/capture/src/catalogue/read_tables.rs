//! Reads the tables of the catalogue.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use crate::{
    catalogue::table::{Column, ForeignKey, Identity, Index, Table, TableType},
    connect::{ConnectError, Session},
    mapping::TableName,
};

const TABLES: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text AS kind,
        c.relpersistence = 'u' AS is_unlogged, c.relispartition AS is_partition,
        c.relreplident::text AS identity, row_security_active(c.oid) AS hides_rows,
        has_schema_privilege(n.oid, 'USAGE') AS may_use_schema,
        has_table_privilege(c.oid, 'SELECT') AS may_select,
        pg_has_role(c.relowner, 'USAGE') AS is_owned,
        greatest(c.reltuples, 0)::float8 AS rows,
        CASE WHEN c.reltuples > 0 THEN c.relpages * 8192.0 / c.reltuples ELSE 0 END::float8
            AS row_bytes,
        coalesce(s.n_tup_upd + s.n_tup_del, 0) AS changes,
        (SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid = c.oid AND x.indisreplident) AS identity_index,
        ARRAY(SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
            WHERE k.conrelid = c.oid AND k.contype = 'c') AS checks
    FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
    ORDER BY c.oid";

const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod),
        b.typname::text,
        ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = b.oid
            ORDER BY e.enumsortorder),
        a.attnotnull OR t.typnotnull, a.attgenerated <> '', a.attstorage <> 'p',
        has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_type b ON b.oid = CASE WHEN t.typbasetype = 0 THEN t.oid ELSE t.typbasetype END
    WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attrelid, a.attnum";

const INDEXES: &str = "
    SELECT x.indrelid, i.relname::text, x.indisprimary, x.indisunique, x.indisvalid,
        x.indimmediate, pg_get_expr(x.indpred, x.indrelid),
        ARRAY(SELECT pg_get_indexdef(x.indexrelid, place, true)
            FROM generate_series(1, x.indnkeyatts::int) place ORDER BY place),
        ARRAY(SELECT a.attname::text
            FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number
            WHERE k.place <= x.indnkeyatts ORDER BY k.place)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = ANY($1)
    ORDER BY x.indrelid, x.indisprimary DESC, i.relname";

const FOREIGN_KEYS: &str = "
    SELECT k.conrelid, n.nspname::text, c.relname::text,
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
            ORDER BY u.place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number
            ORDER BY u.place),
        k.confupdtype = 'c'
    FROM pg_constraint k
        JOIN pg_class c ON c.oid = k.confrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = ANY($1) AND k.conparentid = 0
    ORDER BY k.conrelid, k.conkey";

const LEAVES: &str = "
    SELECT c.oid, n.nspname::text, l.relname::text
    FROM pg_class c, pg_partition_tree(c.oid) t
        JOIN pg_class l ON l.oid = t.relid
        JOIN pg_namespace n ON n.oid = l.relnamespace
    WHERE c.oid = ANY($1) AND c.relkind = 'p' AND t.isleaf AND l.relkind <> 'p'
    ORDER BY c.oid, l.relname";

const HEIRS: &str = "
    SELECT h.inhparent, n.nspname::text, c.relname::text
    FROM pg_inherits h
        JOIN pg_class c ON c.oid = h.inhrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE h.inhparent = ANY($1) AND NOT c.relispartition
    ORDER BY h.inhparent, c.relname";

const PUBLISHED: &str = "
    SELECT DISTINCT schemaname::text, tablename::text FROM pg_publication_tables
    WHERE pubname <> $1";

/// Reads the tables outside the schemas of the system. `publication` is capture's own.
pub(super) async fn read_tables(
    session: &Session,
    publication: &str,
) -> Result<BTreeMap<TableName, Table>, ConnectError> {
    let client = session.client();
    let mut tables: BTreeMap<u32, Table> = BTreeMap::new();
    for row in client.query(TABLES, &[]).await? {
        let table = table(&row)?;
        tables.insert(table.oid, table);
    }
    let oids: Vec<u32> = tables.keys().copied().collect();
    for row in client.query(COLUMNS, &[&oids]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.columns.push(Column {
                name: row.try_get(1)?,
                type_text: row.try_get(2)?,
                type_name: row.try_get(3)?,
                labels: row.try_get(4)?,
                is_not_null: row.try_get(5)?,
                is_generated: row.try_get(6)?,
                is_toastable: row.try_get(7)?,
                may_select: row.try_get(8)?,
            });
        }
    }
    for row in client.query(INDEXES, &[&oids]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.indexes.push(Index {
                name: row.try_get(1)?,
                is_primary: row.try_get(2)?,
                is_unique: row.try_get(3)?,
                is_valid: row.try_get(4)?,
                is_immediate: row.try_get(5)?,
                predicate: row.try_get(6)?,
                keys: row.try_get(7)?,
                columns: row.try_get(8)?,
            });
        }
    }
    for row in client.query(FOREIGN_KEYS, &[&oids]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.foreign_keys.push(ForeignKey {
                target: name(&row)?,
                columns: row.try_get(3)?,
                target_columns: row.try_get(4)?,
                is_updated: row.try_get(5)?,
            });
        }
    }
    for row in client.query(LEAVES, &[&oids]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.leaves.push(name(&row)?);
        }
    }
    for row in client.query(HEIRS, &[&oids]).await? {
        if let Some(table) = tables.get_mut(&row.try_get(0)?) {
            table.heirs.push(name(&row)?);
        }
    }
    let mut tables: BTreeMap<TableName, Table> = tables
        .into_values()
        .map(|table| (table.name.clone(), table))
        .collect();
    for row in client.query(PUBLISHED, &[&publication]).await? {
        let (schema, name) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(table) = tables.get_mut(&TableName { schema, name }) {
            table.is_published_elsewhere = true;
        }
    }
    Ok(tables)
}

fn table(row: &Row) -> Result<Table, ConnectError> {
    let name = name(row)?;
    let kind: String = row.try_get("kind")?;
    let identity: String = row.try_get("identity")?;
    let table_type = TableType::of_kind(&kind);
    Ok(Table {
        oid: row.try_get("oid")?,
        table_type,
        is_unlogged: row.try_get("is_unlogged")?,
        is_partition: row.try_get("is_partition")?,
        leaves: match table_type {
            TableType::Partitioned => Vec::new(),
            _ => vec![name.clone()],
        },
        name,
        heirs: Vec::new(),
        identity: match &*identity {
            "f" => Identity::Full,
            "n" => Identity::Nothing,
            "i" => Identity::Index(row.try_get("identity_index")?),
            _ => Identity::Default,
        },
        columns: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        checks: row.try_get("checks")?,
        hides_rows: row.try_get("hides_rows")?,
        may_use_schema: row.try_get("may_use_schema")?,
        may_select: row.try_get("may_select")?,
        is_owned: row.try_get("is_owned")?,
        is_published_elsewhere: false,
        rows: row.try_get("rows")?,
        row_bytes: row.try_get("row_bytes")?,
        changes: row.try_get("changes")?,
    })
}

/// Returns the name in the second and third column.
fn name(row: &Row) -> Result<TableName, ConnectError> {
    Ok(TableName {
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
    })
}
