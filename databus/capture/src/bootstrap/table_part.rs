//! Parts of tables, which sessions read at the same time.

use std::fmt::Write as _;

use tokio_postgres::Client;

use crate::{
    bootstrap::error::BootstrapError,
    mapping::{Mapping, TableMap, TableName, table_name::quoted},
    rows::TableRows,
};

/// The bytes of a part, with those that are stored out of line (TOAST): enough that the command
/// itself costs nothing, and few enough that the sessions end at about the same time.
const PART_BYTES: u64 = 16 << 20;

/// The relations in which the rows of a table are: its own, or those of its partitions.
const RELATIONS: &str = "
    SELECT relation.relkind, relation.relispartition, leaf.oid, leaf_schema.nspname::text,
           leaf.relname::text, leaf.relkind
    FROM pg_class AS relation
    JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
    LEFT JOIN LATERAL pg_partition_tree(relation.oid) AS tree
        ON relation.relkind = 'p' AND tree.isleaf
    LEFT JOIN pg_class AS leaf
        ON leaf.oid = CASE relation.relkind WHEN 'p' THEN tree.relid::oid ELSE relation.oid END
    LEFT JOIN pg_namespace AS leaf_schema ON leaf_schema.oid = leaf.relnamespace
    WHERE schema.nspname = $1 AND relation.relname = $2
    ORDER BY leaf_schema.nspname, leaf.relname";

/// The columns of a relation.
const COLUMNS: &str = "
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped";

/// The size of a relation, and whether it is the one of the snapshot: rows that were rewritten
/// since are not seen in it. The catalogue shows the snapshot, the function the present.
const SIZE: &str = "
    SELECT pg_relation_size(relation.oid) / current_setting('block_size')::int8,
           relation.relfilenode = pg_relation_filenode(relation.oid),
           current_setting('block_size')::int8, pg_table_size(relation.oid)
    FROM pg_class AS relation WHERE relation.oid = $1";

/// A part of a mapped table: a range of pages of one relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePart {
    /// The place of the table's map in the mapping.
    pub map: usize,
    /// The number of the part among those of the plan.
    pub number: u32,
    /// The bytes of its pages.
    pub bytes: u64,
    /// The relation as SQL writes it.
    relation: String,
    /// The first page.
    begin: u64,
    /// The page behind the last one; `None` for the relation's last part.
    end: Option<u64>,
}

impl TablePart {
    /// Locks all mapped tables against rewriting, and divides them into parts. The client's
    /// transaction keeps the locks.
    pub(super) async fn plan(
        client: &Client,
        mapping: &Mapping,
    ) -> Result<Vec<Self>, BootstrapError> {
        let mut parts = Vec::new();
        for (index, map) in mapping.tables.iter().enumerate() {
            for (oid, relation) in relations(client, &map.table).await? {
                check_columns(client, mapping, map, oid).await?;
                let name = relation.quoted();
                client
                    .batch_execute(&format!("LOCK TABLE ONLY {name} IN ACCESS SHARE MODE"))
                    .await?;
                let row = client.query_one(SIZE, &[&oid]).await?;
                if !row.try_get::<_, bool>(1)? {
                    return Err(BootstrapError::Rewritten(relation.to_string()));
                }
                let pages = u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
                let page_bytes = u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0).max(1);
                let bytes = u64::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0);
                let bytes_for_page = (bytes / pages.max(1)).max(page_bytes);
                let pages_max = (PART_BYTES / bytes_for_page).max(1);
                let mut begin = 0;
                loop {
                    let end = Some(begin + pages_max).filter(|end| *end < pages);
                    parts.push(Self {
                        map: index,
                        number: u32::try_from(parts.len()).unwrap_or(u32::MAX),
                        bytes: (end.unwrap_or(pages) - begin) * page_bytes,
                        relation: name.clone(),
                        begin,
                        end,
                    });
                    match end {
                        Some(end) => begin = end,
                        None => break,
                    }
                }
            }
        }
        Ok(parts)
    }

    /// Returns the command that prints the part's rows with these columns.
    pub(super) fn copy_command(&self, columns: &[&str]) -> String {
        let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
        let mut command = format!(
            "COPY (SELECT {} FROM ONLY {} WHERE ctid >= '({},0)'::tid",
            columns.join(", "),
            self.relation,
            self.begin,
        );
        if let Some(end) = self.end {
            // Writing to a string does not fail.
            let _ = write!(command, " AND ctid < '({end},0)'::tid");
        }
        command.push_str(") TO STDOUT");
        command
    }

    /// Returns the table's map.
    #[must_use]
    pub fn map_in<'m>(&self, mapping: &'m Mapping) -> Option<&'m TableMap> {
        mapping.tables.get(self.map)
    }
}

/// Returns the relations of a table, with their ids.
async fn relations(
    client: &Client,
    table: &TableName,
) -> Result<Vec<(u32, TableName)>, BootstrapError> {
    let rows = client
        .query(RELATIONS, &[&table.schema, &table.name])
        .await?;
    if rows.is_empty() {
        return Err(BootstrapError::NoTable(table.to_string()));
    }
    let mut relations = Vec::new();
    for row in &rows {
        check_kind(&table.to_string(), row.try_get(0)?)?;
        // A partitioned table may have no partitions.
        let Some(oid) = row.try_get::<_, Option<u32>>(2)? else {
            continue;
        };
        let relation = TableName {
            schema: row.try_get(3)?,
            name: row.try_get(4)?,
        };
        check_kind(&relation.to_string(), row.try_get(5)?)?;
        relations.push((oid, relation));
    }
    Ok(relations)
}

/// Checks that a relation has the mapped columns.
async fn check_columns(
    client: &Client,
    mapping: &Mapping,
    map: &TableMap,
    oid: u32,
) -> Result<(), BootstrapError> {
    let rows = client.query(COLUMNS, &[&oid]).await?;
    let columns = rows.iter().map(|row| row.try_get(0));
    let columns: Vec<&str> = columns.collect::<Result<_, _>>()?;
    TableRows::new(mapping, map, columns.iter().copied())?;
    Ok(())
}

fn check_kind(table: &str, kind: i8) -> Result<(), BootstrapError> {
    let kind = match u8::try_from(kind).unwrap_or_default() {
        b'r' | b'p' => return Ok(()),
        b'v' => "a view",
        b'm' => "a materialized view",
        b'f' => "a foreign table",
        _ => "no table",
    };
    let table = table.to_owned();
    Err(BootstrapError::NotATable { table, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_columns_and_the_pages() {
        let part = TablePart {
            map: 0,
            number: 0,
            bytes: 0,
            relation: TableName::from_text("users").quoted(),
            begin: 5,
            end: Some(9),
        };
        assert_eq!(
            part.copy_command(&["id", "a\"b"]),
            "COPY (SELECT \"id\", \"a\"\"b\" FROM ONLY \"public\".\"users\" \
             WHERE ctid >= '(5,0)'::tid AND ctid < '(9,0)'::tid) TO STDOUT"
        );
        let last = TablePart { end: None, ..part };
        assert!(
            last.copy_command(&["id"])
                .ends_with("ctid >= '(5,0)'::tid) TO STDOUT")
        );
    }
}
