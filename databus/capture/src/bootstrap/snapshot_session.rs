//! Sessions that read tables under the exported snapshot.

use std::pin::pin;

use cloud_proto::databus::v1::Change;
use futures_util::StreamExt as _;

use crate::{
    bootstrap::{
        copy_rows::{CopyRow, Lines},
        error::BootstrapError,
        table_part::TablePart,
    },
    connect::{Database, Session},
    mapping::Mapping,
    rows::{RefusedRow, RowError, TableRows},
};

/// The timeouts that would end a session which waits for the others.
pub(super) const NO_TIMEOUTS: &str = "
    SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
    WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_session_timeout',
                   'idle_in_transaction_session_timeout', 'transaction_timeout')";

/// A session whose transaction sees the exported snapshot.
pub struct SnapshotSession {
    session: Session,
}

impl SnapshotSession {
    pub(super) async fn begin(database: &Database, snapshot: &str) -> Result<Self, BootstrapError> {
        let session = database.connect().await?;
        let client = session.client();
        client.batch_execute(NO_TIMEOUTS).await?;
        client
            .batch_execute(&format!(
                "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                 SET TRANSACTION SNAPSHOT '{}'",
                snapshot.replace('\'', "''")
            ))
            .await?;
        Ok(Self { session })
    }

    /// Divides the mapped tables into parts, and locks them against rewriting as long as this
    /// session lasts.
    ///
    /// # Errors
    /// If a mapped table is missing, sends no changes, or was rewritten since the snapshot.
    pub async fn plan(&self, mapping: &Mapping) -> Result<Vec<TablePart>, BootstrapError> {
        TablePart::plan(self.session.client(), mapping).await
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Reads the rows of a part, and passes what each states to `take`, with its number in the
    /// part.
    ///
    /// # Errors
    /// If a mapped column is missing, if the database fails, and with the error of `take`.
    pub async fn read<E: From<BootstrapError>>(
        &self,
        mapping: &Mapping,
        part: &TablePart,
        mut take: impl FnMut(u32, Result<Change, RefusedRow>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(map) = part.map_in(mapping) else {
            return Ok(());
        };
        let columns = map.columns();
        let rows =
            TableRows::new(mapping, map, columns.iter().copied()).map_err(BootstrapError::from)?;
        let protocol = |what| BootstrapError::Protocol {
            what,
            table: map.table.to_string(),
        };
        let command = part.copy_command(&columns);
        let client = self.session.client();
        let copied = client
            .copy_out(&command)
            .await
            .map_err(BootstrapError::from)?;
        let mut pieces = pin!(copied);
        let (mut lines, mut copy_row) = (Lines::default(), CopyRow::default());
        let mut number = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(BootstrapError::from)?;
            lines.push(&piece, |line| {
                let Some(columns_of_line) = copy_row.split(line) else {
                    return Err(protocol("a row that is not UTF-8").into());
                };
                if columns_of_line.len() != columns.len() {
                    return Err(protocol("a row of another width").into());
                }
                let stated = match rows.stated(&columns_of_line) {
                    Ok(None) => None,
                    Ok(Some(change)) => Some(Ok(change)),
                    Err(RowError::Invalid(invalid)) => {
                        Some(Err(rows.refused(&columns_of_line, &invalid)))
                    }
                    // COPY sends every value.
                    Err(RowError::NeedsFull { .. }) => {
                        return Err(protocol("a row without a value").into());
                    }
                };
                if let Some(stated) = stated {
                    take(number, stated)?;
                }
                number += 1;
                Ok::<_, E>(())
            })?;
        }
        if lines.is_complete() {
            return Ok(());
        }
        Err(protocol("half a row").into())
    }
}
