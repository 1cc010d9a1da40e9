//! A lock that admits one process at a time to a folder: to a log, or to a site's snapshots.
//!
//! The operating system releases the lock when the process ends, in whatever way. A lock is
//! therefore never stale.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// The name of the lock file in its folder.
const NAME: &str = "LOCK";

/// A lock that is held as long as this value lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// The reason that a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error("another process holds {}", file.display())]
    InUse {
        /// The lock file.
        file: PathBuf,
    },
    /// The lock file cannot be opened or locked.
    #[error("{}: {source}", file.display())]
    File {
        /// The lock file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl FolderLock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// If another process holds the lock, or its file cannot be opened or locked.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let file = folder.join(NAME);
        let opened = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file);
        let locked = opened
            .map_err(TryLockError::Error)
            .and_then(|opened| opened.try_lock().map(|()| opened));
        match locked {
            Ok(opened) => Ok(Self { _file: opened }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse { file }),
            Err(TryLockError::Error(source)) => Err(LockError::File { file, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(matches!(
            FolderLock::take(folder.path()),
            Err(LockError::InUse { .. })
        ));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }
}
