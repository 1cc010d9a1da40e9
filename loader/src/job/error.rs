//! The errors that stop a build. A bad row is reported with its file, line and reason, so that it
//! can be found and repaired.

use std::io;
use std::path::PathBuf;

use cloud_capture::{BootstrapError, mapping::MappingError, state::StateError};
use cloud_engine::FileError;
use cloud_files::PathError;
use cloud_search::IndexError;

use crate::snapshot::{
    memory::Size,
    rows::{column_map::MapError, layout::HeaderFault, row_fault::RowFault},
};

/// Why a build failed. A failed build leaves nothing that a server would open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row of the dump is invalid. If there are several, this is the first of its file. Rows that
    /// contradict others are found last.
    #[error("{file}:{line}: {fault}")]
    Row {
        /// The dump file.
        file: PathBuf,
        /// The line, counted from 1, the header row included.
        line: u64,
        /// The fault of the row.
        fault: RowFault,
    },
    /// The header row of a dump file does not have the required columns.
    #[error("{file}:{line}: {fault}")]
    Header {
        /// The dump file.
        file: PathBuf,
        /// The line of the header row.
        line: u64,
        /// The fault of the header row.
        fault: HeaderFault,
    },
    /// A `--map` is invalid.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The core database cannot be read.
    #[error(transparent)]
    Database(#[from] BootstrapError),
    /// The mapping of the core database is invalid.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The folder for the state of capture cannot be used.
    #[error(transparent)]
    CaptureState(#[from] StateError),
    /// The rules refuse a row of the core database.
    #[error("{table}, row {key}: {reason}")]
    DatabaseRow {
        /// The table.
        table: String,
        /// The values of the columns that identify the row's object, separated by commas.
        key: String,
        /// The rule and the value.
        reason: String,
    },
    /// The rules refuse more rows of the core database than may be skipped.
    #[error("more than {max} rows of the core database break a rule, as does {last}")]
    TooManyRefusedRows {
        /// The most rows.
        max: u64,
        /// The row above them, with the rule that it breaks.
        last: String,
    },
    /// Rows of the core database state pairs that other rows state too. Later one of them would be
    /// deleted, and the connection with it.
    #[error(
        "{0} rows of connections repeat a pair that another row states, in either direction or in \
         another table: remove them. With one table, `databus capture postgres --check` says how \
         to find them"
    )]
    RepeatedPairs(u64),
    /// Two keys of members have the same id.
    #[error(
        "{table}: the keys {} and {} both have the member id {member}: change the seed of the \
         mapping",
        keys[0],
        keys[1]
    )]
    SameId {
        /// The table.
        table: String,
        /// The id.
        member: u64,
        /// The keys.
        keys: [String; 2],
    },
    /// A mask of a sorted row was damaged.
    #[error("a sorted row cannot be decoded: {0}")]
    Mask(String),
    /// The threads for the connections to the core database cannot be started.
    #[error("cannot start threads: {0}")]
    Runtime(io::Error),
    /// The system has no randomness for the id of the new log.
    #[error("a new id: {0}")]
    Random(io::Error),
    /// The options contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// The failed operation: "open", "read", "write" and so on.
        action: &'static str,
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The answer cannot be printed.
    #[error(transparent)]
    Print(io::Error),
    /// The path is not a regular file: a dump is read more than once.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// The graph, the profiles or the manifest cannot be written or read.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// The search index cannot be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// An encoded row of a member or a position was damaged while it was sorted.
    #[error("a sorted row cannot be decoded")]
    Sorting(#[source] prost::DecodeError),
    /// The directory holds a snapshot. A snapshot is written once.
    #[error(
        "{0} is a snapshot already, and a snapshot is never overwritten: \
         build into another directory or remove it first"
    )]
    SnapshotExists(PathBuf),
    /// A server or another build uses the directory.
    #[error("{0} is in use by a running server or another build")]
    InUse(PathBuf),
    /// The data that each member needs in memory does not fit the limit.
    #[error(
        "{found} is too little memory for {members} members: \
         the least that works for so many is {least}"
    )]
    TooLittleMemory {
        /// The limit.
        found: Size,
        /// The number of members.
        members: u64,
        /// The least limit that works.
        least: Size,
    },
    /// There are too many members: document numbers of the search index have 31 bits.
    #[error("{members} members are more than a snapshot can hold ({limit})")]
    TooManyMembers {
        /// The number of members.
        members: u64,
        /// The largest number that is possible.
        limit: u64,
    },
}

impl From<PathError> for Error {
    fn from(PathError { path, source }: PathError) -> Self {
        Self::file("sync", path)(source)
    }
}

impl Error {
    /// Returns a function for `map_err` on a file operation.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl Fn(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path: path.clone(),
            source,
        }
    }
}
