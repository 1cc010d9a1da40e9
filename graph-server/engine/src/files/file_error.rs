//! The errors of a snapshot's files, with the file and the offset as fields. A file that fails here
//! is not served.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::files::content_error::ContentError;
use cloud_files::is_not_plain;
use cloud_model::{LineageId, LogId, Scn};

/// A file could not be read or written, or its content is wrong.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system reported an error.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Bytes differ from what was written, or have no valid meaning.
    #[error("{path}: damaged at byte {offset}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The place where the damage begins.
        offset: u64,
        /// The reason.
        reason: String,
    },
    /// The file's length differs from its header or the manifest.
    #[error("{path}: {found} bytes long, not {expected}", path = path.display())]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The length that it should have.
        expected: u64,
        /// The length that it has.
        found: u64,
    },
    /// The file does not begin like files of its kind.
    #[error("{path}: not a {kind} file", path = path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The kind that it should be.
        kind: &'static str,
    },
    /// A newer program wrote the file.
    #[error(
        "{path}: format version {found}; this program reads up to version {supported}",
        path = path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// A newer program wrote the snapshot, and its readers must know something that this one does
    /// not.
    #[error("{path}: requires {name:?}, which this program does not know: use a newer one",
        path = path.display()
    )]
    Requires {
        /// The manifest.
        path: PathBuf,
        /// The entry of `requires`.
        name: String,
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
    #[error(
        "{path}: belongs to log {found}, not {expected}: remove it, or begin a new log from the \
         snapshot (loader adopt --snapshot DIR --new-log moves it aside)",
        path = path.display()
    )]
    ForeignLog {
        /// The file.
        path: PathBuf,
        /// The log in use.
        expected: LogId,
        /// The file's log.
        found: LogId,
    },
    /// The overlay belongs to another snapshot of the same lineage.
    #[error("{path}: stands on the snapshot at SCN {found}, not {expected}", path = path.display())]
    OtherBase {
        /// The file.
        path: PathBuf,
        /// The snapshot's SCN.
        expected: Scn,
        /// The SCN of the snapshot that the file belongs to.
        found: Scn,
    },
    /// The manifest does not name a file that a snapshot must have.
    #[error("{path}: the manifest does not name {name}", path = path.display())]
    NotInManifest {
        /// The snapshot directory.
        path: PathBuf,
        /// The missing file.
        name: String,
    },
    /// The content to write is not a graph.
    #[error("{path}: {source}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The contradiction in the content.
        source: ContentError,
    },
}

impl FileError {
    /// Returns the file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Damaged { path, .. }
            | Self::WrongLength { path, .. }
            | Self::WrongKind { path, .. }
            | Self::UnknownVersion { path, .. }
            | Self::ForeignLineage { path, .. }
            | Self::ForeignLog { path, .. }
            | Self::OtherBase { path, .. }
            | Self::NotInManifest { path, .. }
            | Self::Requires { path, .. }
            | Self::Content { path, .. } => path,
        }
    }

    /// Returns whether something else is there than what was written. False if the system could not
    /// read or write, or if the file belongs elsewhere.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::WrongLength { .. } | Self::WrongKind { .. } => true,
            Self::Io { source, .. } => {
                is_not_plain(source)
                    || matches!(
                        source.kind(),
                        io::ErrorKind::UnexpectedEof
                            | io::ErrorKind::InvalidData
                            | io::ErrorKind::IsADirectory
                            | io::ErrorKind::NotADirectory
                    )
            }
            _ => false,
        }
    }

    /// Returns whether the file did not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

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
