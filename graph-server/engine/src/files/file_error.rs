//! What can be wrong with a file of a snapshot, with the file and the offset as fields. Nothing that fails here is served.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::content_error::ContentError;
use cloud_model::{LineageId, LogId, Scn};

/// A file could not be read or written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system said no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes are not what was written, or make no sense.
    #[error("{path}: damaged at byte {offset}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where what is wrong begins.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The file has another length than its header or the manifest says.
    #[error("{path}: {found} bytes long, not {expected}", path = path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// What it should have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// The file does not begin as files of its kind do.
    #[error("{path}: not a {kind} file", path = path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        kind: &'static str,
    },
    /// A newer program wrote the file.
    #[error("{path}: format version {found}; this program reads up to version {supported}", path = path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The newest that this program reads.
        supported: u32,
    },
    /// The file belongs to another base.
    #[error("{path}: belongs to lineage {found}, not {expected}", path = path.display())]
    ForeignLineage {
        /// The file.
        path: PathBuf,
        /// The snapshot's lineage.
        expected: LineageId,
        /// The file's lineage.
        found: LineageId,
    },
    /// The file belongs to another log.
    #[error("{path}: belongs to log {found}, not {expected}", path = path.display())]
    ForeignLog {
        /// The file.
        path: PathBuf,
        /// The log in use.
        expected: LogId,
        /// The file's log.
        found: LogId,
    },
    /// The overlay stands on another snapshot of the same lineage.
    #[error("{path}: stands on the snapshot at SCN {found}, not {expected}", path = path.display())]
    OtherBase {
        /// The file.
        path: PathBuf,
        /// The snapshot's SCN.
        expected: Scn,
        /// The SCN of the snapshot that the file stands on.
        found: Scn,
    },
    /// The manifest does not name a file that a snapshot must have.
    #[error("{path}: the manifest does not name {name}", path = path.display())]
    NotInManifest {
        /// The snapshot directory.
        path: PathBuf,
        /// The file that is missing.
        name: String,
    },
    /// What was to be written is no graph.
    #[error("{path}: {source}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        source: ContentError,
    },
}

impl FileError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> FileError {
        move |source| FileError::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, reason: impl Into<String>) -> FileError {
        FileError::Damaged {
            path: path.to_owned(),
            offset,
            reason: reason.into(),
        }
    }
}
