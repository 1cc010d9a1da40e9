//! Rows that make no change, because a value breaks a rule: they are set aside in a file.
//!
//! `dead-letters.jsonl` in the state folder has a JSON object on each line: table, key, position,
//! reason. A row is durable there before its transaction is confirmed. After a crash, a row may be
//! there twice.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::PathBuf,
};

use serde_json::json;

use crate::rows::RefusedRow;

/// The name of the file.
pub(super) const DEAD_LETTERS_NAME: &str = "dead-letters.jsonl";

/// A row cannot be set aside, so its transaction cannot be confirmed.
#[derive(Debug, thiserror::Error)]
#[error("cannot set a row aside in {path}: {error}", path = path.display())]
pub struct DeadLetterError {
    /// The file.
    pub path: PathBuf,
    /// The error.
    pub error: io::Error,
}

/// The file of rows that were set aside.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
    file: File,
    /// The rows of this run, each once.
    count: u64,
    /// Those of them that are not read again after a connection was lost.
    confirmed: u64,
    is_synced: bool,
}

impl DeadLetters {
    /// Opens the file for further rows.
    pub(super) fn open(path: PathBuf) -> Result<Self, DeadLetterError> {
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        match opened {
            Ok(file) => Ok(Self {
                path,
                file,
                count: 0,
                confirmed: 0,
                is_synced: true,
            }),
            Err(error) => Err(DeadLetterError { path, error }),
        }
    }

    /// Appends a row of the transaction that commits at a position.
    pub(super) fn push(&mut self, row: &RefusedRow, lsn: &str) -> Result<(), DeadLetterError> {
        let RefusedRow { table, key, reason } = row;
        tracing::warn!(%table, key, reason, lsn, "a row is set aside");
        let table = table.to_string();
        let line = json!({"table": table, "key": key, "lsn": lsn, "reason": reason});
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        self.count += 1;
        self.is_synced = false;
        self.outcome(written)
    }

    /// Counts on from the rows that are not read again.
    pub(super) fn begin_attempt(&mut self) {
        self.count = self.confirmed;
    }

    /// Records that so many rows of this run are not read again: what came of their transactions is
    /// durable in the log.
    pub(super) fn confirm(&mut self, count: u64) {
        self.confirmed = count;
    }

    /// Makes the rows durable.
    pub(super) fn sync(&mut self) -> Result<(), DeadLetterError> {
        if self.is_synced {
            return Ok(());
        }
        let synced = self.file.sync_data();
        self.outcome(synced)?;
        self.is_synced = true;
        Ok(())
    }

    /// Returns the rows of this run.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    fn outcome(&self, outcome: io::Result<()>) -> Result<(), DeadLetterError> {
        outcome.map_err(|error| DeadLetterError {
            path: self.path.clone(),
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::TableName;

    #[test]
    fn rows_that_are_read_again_count_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::open(folder.path().join(DEAD_LETTERS_NAME)).unwrap();
        let row = RefusedRow {
            table: TableName {
                schema: "public".to_owned(),
                name: "people".to_owned(),
            },
            key: "7".to_owned(),
            reason: "too long".to_owned(),
        };
        for _ in 0..3 {
            letters.push(&row, "0/1").unwrap();
        }
        letters.confirm(1);
        letters.begin_attempt();
        assert_eq!(letters.count(), 1);
        letters.push(&row, "0/1").unwrap();
        assert_eq!(letters.count(), 2);
    }
}
