//! Why capture ends.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    bootstrap::BootstrapError, connect::ConnectError, rows::MissingColumn, state::StateError,
    stream::dead_letters::DeadLetterError,
};
use cloud_client as client;

/// Why capture ends. Nothing that the database's log held after it was confirmed.
///
/// Causes that may pass by themselves are retried, and are no such error: a database or a log that
/// is out of reach, a slot that another process holds.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Changes between the log's last window and the slot's position are missing.
    #[error("SOURCE_GAP: {0}; nothing was written: bootstrap again")]
    SourceGap(#[from] SourceGap),
    /// The site was bootstrapped by another mapping.
    #[error(
        "the mapping is another one (digest {found}) than the site was captured by (digest \
         {expected}): bootstrap again with the new one (`loader reconcile`), or go back to the old \
         one"
    )]
    OtherMapping {
        /// The digest of the mapping of the site.
        expected: String,
        /// The digest of the given mapping.
        found: String,
    },
    /// Nothing is recorded of the mapping and the tables of the log's last window.
    #[error(
        "{folder} has no state of this capture, so whether mapping, tables or publication changed \
         since the log's last window is not known: put the folder back, or bootstrap again \
         (`loader reconcile`); if none of them changed, --new-state begins a state",
        folder = .0.display()
    )]
    NoState(PathBuf),
    /// A mapped table was truncated.
    #[error(
        "table {table} was truncated, which removes rows without a change for each: bootstrap again"
    )]
    Truncated {
        /// The table.
        table: String,
    },
    /// A mapped table was changed in a way that changes rows without a change for each.
    #[error("table {table}: {what}: bootstrap again")]
    TableChanged {
        /// The table.
        table: String,
        /// The change.
        what: String,
    },
    /// The publication was changed.
    #[error(
        "publication {publication} was {what}: changes may be missing; add what the mapping needs \
         (--check says what) and bootstrap again"
    )]
    PublicationChanged {
        /// The publication.
        publication: String,
        /// The change.
        what: String,
    },
    /// A mapped column does not exist any more.
    #[error("{0}: correct the mapping and bootstrap again")]
    MissingColumn(#[from] MissingColumn),
    /// A value is needed that the database did not send.
    #[error(
        "table {table}: the value of column {column} was not sent, because it did not change and \
         is stored out of line, or is not in the replica identity: run {sql} and bootstrap again"
    )]
    NeedsFull {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The statement that mends it.
        sql: String,
    },
    /// The database sent what the protocol does not have.
    #[error("the stream of changes: {0}")]
    Protocol(String),
    /// More rows were set aside than are allowed.
    #[error(
        "{count} rows were set aside in {file}, and {max} are allowed: correct the rows or the \
         mapping, or raise --dead-letters-max"
    )]
    TooManyDeadLetters {
        /// The rows.
        count: u64,
        /// The limit.
        max: u64,
        /// The file.
        file: String,
    },
    /// The rows of the database cannot be copied.
    #[error(transparent)]
    FirstCopy(#[from] BootstrapError),
    /// A row cannot be set aside.
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
    /// The address of the pages cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error.
        error: io::Error,
    },
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The address or the password of the database is wrong.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The log refuses the windows of this source.
    #[error("the log at {address} refuses the windows: {error}")]
    Log {
        /// The address.
        address: String,
        /// The error.
        error: client::Error,
    },
}

/// Why changes are missing between the log and the database's slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceGap {
    /// The state is of another database, and the log has no window of the present one.
    #[error(
        "the state folder is of the source {before}, and the database is {now} now: `loader \
         reconcile --replaces {before}` gives the place to it"
    )]
    OtherSource {
        /// The source of the state.
        before: String,
        /// The database.
        now: String,
    },
    /// The log has no window of the source.
    #[error(
        "the log has no window of source {source_id}: the site was not bootstrapped from it. \
         `loader reconcile --replaces` gives the place of another source to it, and \
         `databus capture postgres --copy` adds it as a further one"
    )]
    NoOffset {
        /// The source.
        source_id: String,
    },
    /// The slot was confirmed further than the log's last window: the log was restored from an
    /// older copy, or another process read the slot.
    #[error(
        "slot {slot} stands at {confirmed}, and the log's last window of source {source_id} at \
         {last}: the changes between them are not in the log"
    )]
    SlotAhead {
        /// The slot.
        slot: String,
        /// The source.
        source_id: String,
        /// The position that was confirmed.
        confirmed: String,
        /// The last offset in the log.
        last: String,
    },
    /// There is no such slot.
    #[error("there is no slot {slot}: it was dropped, or another server was promoted without it")]
    NoSlot {
        /// The slot.
        slot: String,
    },
    /// The database removed the log that the slot needs.
    #[error(
        "the database removed the log (WAL) that slot {slot} needs: it was more than \
         max_slot_wal_keep_size behind"
    )]
    WalRemoved {
        /// The slot.
        slot: String,
    },
    /// The database's history does not hold the log's last window.
    #[error(
        "the database was promoted or restored: its timeline {timeline} does not hold position \
         {last}, up to which the log has its changes"
    )]
    OtherTimeline {
        /// The timeline of the database.
        timeline: u32,
        /// The last offset in the log.
        last: String,
    },
}
