//! The errors of profiles and index: those of opening them, and those of writing them.

use crate::{index::index_error::IndexError, profiles::live_profiles::LIVE_PROFILES_NAME};
use cloud_engine::FileError;
use cloud_files::is_not_in_place;
use std::{io::ErrorKind, path::Path};

/// Profiles and index could not be opened: stop and repair.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing, damaged or foreign.
    #[error(transparent)]
    File(#[from] FileError),
    /// An index is missing, damaged or foreign.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Why changes could not be applied or committed: stop and repair. Nothing of the window was taken.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A profile could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl ApplyError {
    /// Returns whether another attempt with the same stores would fail too: a file is not what was
    /// written, or the profiles' store has closed itself after an error.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::File(FileError::Io { path, source }) => {
                source.kind() == ErrorKind::Other
                    || (is_not_in_place(source) && path.ends_with(LIVE_PROFILES_NAME))
            }
            Self::File(_) => true,
            Self::Index(_) => false,
        }
    }

    /// Returns whether the index has failed for another reason than a lack of room or descriptors.
    /// [`rebuild_index`](crate::ProfileWriter::rebuild_index) is then worth an attempt.
    #[must_use]
    pub fn is_of_index(&self) -> bool {
        matches!(self, Self::Index(error) if !error.is_shortage())
    }

    /// Returns whether the error is about a path in a folder.
    #[must_use]
    pub fn is_in(&self, folder: &Path) -> bool {
        match self {
            Self::File(error) => error.path().starts_with(folder),
            Self::Index(_) => true,
        }
    }
}

impl From<ApplyError> for OpenError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::File(error) => Self::File(error),
            ApplyError::Index(error) => Self::Index(error),
        }
    }
}
