//! A lock that admits one process at a time to a folder: to a log, or to a site's snapshots.
//!
//! The folder itself is locked, so that a lock file that was deleted does not admit a second
//! process. The lock file is locked too: earlier versions know only that one. The operating system
//! releases both when the process ends, in whatever way. A lock is therefore never stale.

use crate::{folder::Folder, plain_file::open_plain_with};
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
    folder: Folder,
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
    /// The folder or its lock file cannot be opened or locked.
    #[error("{}: {source}", file.display())]
    File {
        /// The folder or the lock file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl FolderLock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// If another process holds the lock, or the folder or its lock file cannot be opened or
    /// locked.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let file = path.join(NAME);
        let folder = Folder::open(path).map_err(|source| LockError::File {
            file: path.to_owned(),
            source,
        })?;
        match folder.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::InUse { file }),
            Err(TryLockError::Error(source)) if locks_no_folder(&source) => {}
            Err(TryLockError::Error(source)) => {
                let file = path.to_owned();
                return Err(LockError::File { file, source });
            }
        }
        let mut options = File::options();
        let options = options.create(true).truncate(false).write(true);
        let locked = open_plain_with(&file, options)
            .map_err(TryLockError::Error)
            .and_then(|opened| opened.try_lock().map(|()| opened));
        match locked {
            Ok(locked) => Ok(Self {
                folder,
                _file: locked,
            }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse { file }),
            Err(TryLockError::Error(source)) => Err(LockError::File { file, source }),
        }
    }

    /// Returns the folder that is locked.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

/// Returns whether a file system cannot lock folders, as NFS cannot: the lock file has to do.
fn locks_no_folder(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let unsupported = [Errno::BADF, Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS];
    Errno::from_io_error(error).is_some_and(|errno| unsupported.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn is_refused(folder: &Path) -> bool {
        matches!(FolderLock::take(folder), Err(LockError::InUse { .. }))
    }

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(is_refused(folder.path()));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_deleted_lock_file_admits_no_second_owner() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        fs::remove_file(folder.path().join(NAME)).unwrap();
        assert!(is_refused(folder.path()));
        drop(first);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn an_owner_that_locks_only_the_file_is_respected() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join(NAME)).unwrap();
        file.try_lock().unwrap();
        assert!(is_refused(folder.path()));
        drop(file);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_lock_stays_with_a_folder_that_is_moved() {
        let above = tempfile::tempdir().unwrap();
        let (path, moved) = (above.path().join("one"), above.path().join("two"));
        fs::create_dir(&path).unwrap();
        let first = FolderLock::take(&path).unwrap();
        fs::rename(&path, &moved).unwrap();
        assert!(is_refused(&moved));
        assert!(first.folder().check_in_place().is_err());
        fs::create_dir(&path).unwrap();
        FolderLock::take(&path).unwrap();
    }
}
