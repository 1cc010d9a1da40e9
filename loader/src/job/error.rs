//! What stops a build. A bad row names its file, line and reason, so that whoever made the dump can repair it.

use std::io;
use std::path::PathBuf;

use cloud_engine::FileError;
use cloud_search::IndexError;

use crate::snapshot::{
    memory::Size,
    rows::{column_map::MapError, layout::HeaderFault, row_fault::RowFault},
};

/// Why there is no snapshot. Nothing of a failed build is left that a server would open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row of the dump is wrong. Of several, the first of its file; those that contradict others are found last.
    #[error("{file}:{line}: {fault}")]
    Row {
        /// The dump file.
        file: PathBuf,
        /// Counted from 1, the header row included.
        line: u64,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// The columns of a dump file are not those that were asked for.
    #[error("{file}:{line}: {fault}")]
    Header {
        /// The dump file.
        file: PathBuf,
        /// Of the header row.
        line: u64,
        /// What is wrong with its header row.
        fault: HeaderFault,
    },
    /// A `--map` is not understood.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The options contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried: "open", "read", "write" and so on.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A dump is read more than once.
    #[error("{0} is not a file")]
    NotAFile(PathBuf),
    /// The graph, the profiles or the manifest cannot be written or read.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// The search index cannot be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A row of people that was set aside for sorting came back damaged.
    #[error("a sorted row does not read back")]
    Sorting(#[source] prost::DecodeError),
    /// A snapshot is written once.
    #[error(
        "{0} is a snapshot already, and a snapshot is never overwritten: build into another directory or remove it first"
    )]
    SnapshotExists(PathBuf),
    /// A server or another build works in the directory.
    #[error("{0} is in use by a running server or another build")]
    InUse(PathBuf),
    /// What must be in memory as long as there are members does not fit.
    #[error(
        "{found} is too little memory for {members} members: the least that works for so many is {least}"
    )]
    TooLittleMemory {
        /// The limit.
        found: Size,
        /// How many members there are.
        members: u64,
        /// What works.
        least: Size,
    },
    /// Document numbers of the search index have 31 bits.
    #[error("{members} members are more than a snapshot can hold ({limit})")]
    TooManyMembers {
        /// How many there are.
        members: u64,
        /// How many there may be.
        limit: u64,
    },
}

impl Error {
    /// For `map_err` on a file operation.
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
