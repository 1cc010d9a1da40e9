//! Why a bootstrap stops.

use pgwire_replication::PgWireError;

use crate::{connect::ConnectError, rows::MissingColumn};

/// Why a bootstrap stops. It adds nothing to the database.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The database cannot be reached, or rejects a query.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The session that makes the slot failed.
    #[error("cannot {action} in the core database: {error}")]
    Replication {
        /// The failed operation.
        action: String,
        /// The error, with its cause.
        error: String,
    },
    /// The name of the slot is not a name of PostgreSQL's.
    #[error("{0}")]
    SlotName(String),
    /// The permanent slot exists already.
    #[error(
        "the slot {0} exists already, and may hold changes for a site that still runs: drop it \
         with SELECT pg_drop_replication_slot('{0}'), or name another with --slot"
    )]
    SlotExists(String),
    /// The slot is of another database of the server, or for another kind of reader.
    #[error(
        "the slot {0} is of another database of this server, or not for pgoutput: name another \
         with --slot"
    )]
    SlotOfOther(String),
    /// A capture reads the slot that is to be replaced.
    #[error(
        "a capture reads the slot {slot} (process {pid} of the database): stop it first. Nothing \
         is lost: the tables are read as they are"
    )]
    SlotInUse {
        /// The slot.
        slot: String,
        /// The process of the database that sends its changes.
        pid: i32,
    },
    /// There is no such publication. A slot that is made before its publication cannot be read.
    #[error(
        "the publication {0} does not exist, and must before the slot is made: add it with \
         CREATE PUBLICATION {0} FOR TABLE and the mapped tables, or name another with --publication"
    )]
    NoPublication(String),
    /// Changes would be missing later.
    #[error(
        "capture would miss changes of this database: {first}{}; \
         `databus capture postgres --check` lists what is missing with the SQL that adds it, and \
         `--init` adds the publication and replica identities",
        and_more(*more)
    )]
    Lacks {
        /// The first finding of the check.
        first: String,
        /// The number of further findings.
        more: usize,
    },
    /// A table of the mapping is not in the database.
    #[error("the database has no table {0}, which the mapping names")]
    NoTable(String),
    /// A mapped relation sends no changes.
    #[error("{table} is {kind}, which sends no changes: map a table")]
    NotATable {
        /// The relation.
        table: String,
        /// Its kind.
        kind: &'static str,
    },
    /// A column of the mapping is not in its table.
    #[error(transparent)]
    Column(#[from] MissingColumn),
    /// A table was rewritten or emptied after the snapshot was exported. The snapshot no longer
    /// shows its rows.
    #[error(
        "the table {0} was rewritten or truncated while the bootstrap began: start the bootstrap \
         again"
    )]
    Rewritten(String),
    /// The database sends what its protocol does not allow.
    #[error("the core database sent {what} for {table}")]
    Protocol {
        /// The unexpected answer.
        what: &'static str,
        /// The table, or the command.
        table: String,
    },
}

impl BootstrapError {
    /// Returns a function for `map_err` on a command of a replication session.
    pub(crate) fn replication(action: impl Into<String>) -> impl FnOnce(PgWireError) -> Self {
        let action = action.into();
        move |error| Self::Replication {
            action,
            error: error.to_string(),
        }
    }
}

impl From<tokio_postgres::Error> for BootstrapError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Connect(error.into())
    }
}

fn and_more(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    }
}
