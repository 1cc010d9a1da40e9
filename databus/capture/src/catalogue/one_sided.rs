//! Pairs that should have a row in each direction and have one.

use crate::{
    catalogue::duplicates::sql,
    connect::{ConnectError, Session},
    mapping::{ConnectionMap, Pair, TableKind, TableMap, TableName, quoted},
};

/// The rows that are looked at.
const SAMPLE_ROWS: u32 = 10_000;

/// The rows of a table of connections with `pair = "both_rows"` that have no row in the other
/// direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneSided {
    /// The table.
    pub table: TableName,
    /// The rows that were looked at: the first that pass the conditions.
    pub rows: i64,
    /// How many of them have no row in the other direction that passes the conditions.
    pub one_sided: i64,
}

impl OneSided {
    /// Looks at the rows of a table. `None` if its pairs have one row each.
    pub(super) async fn sample(
        session: &Session,
        map: &TableMap,
    ) -> Result<Option<Self>, ConnectError> {
        let TableKind::Connection(ConnectionMap {
            member,
            other,
            pair: Pair::BothRows,
            ..
        }) = &map.kind
        else {
            return Ok(None);
        };
        let (member, other) = (quoted(member), quoted(other));
        let tests: String = map
            .conditions
            .iter()
            .map(|condition| format!(" AND {}", sql(condition)))
            .collect();
        let query = format!(
            "WITH counting AS NOT MATERIALIZED
                (SELECT {member} AS one, {other} AS other FROM {} WHERE true{tests})
             SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM counting AS back
                WHERE back.one = sample.other AND back.other = sample.one))
             FROM (SELECT * FROM counting LIMIT {SAMPLE_ROWS}) AS sample",
            map.table.quoted()
        );
        let row = session.client().query_one(&query, &[]).await?;
        Ok(Some(Self {
            table: map.table.clone(),
            rows: row.try_get(0)?,
            one_sided: row.try_get(1)?,
        }))
    }
}
