//! A directory that tantivy can only read: the base index belongs to a snapshot, which is written
//! once.
//!
//! Without it, opening an index would leave lock files behind.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle,
    WritePtr,
    error::{DeleteError, LockError, OpenReadError, OpenWriteError},
};

/// Memory-mapped files, never written.
#[derive(Clone, Debug)]
pub(crate) struct ReadOnlyDirectory(MmapDirectory);

impl ReadOnlyDirectory {
    pub(crate) fn open(path: &Path) -> tantivy::Result<Self> {
        Ok(Self(MmapDirectory::open(path)?))
    }
}

fn refused(path: &Path) -> (io::Error, PathBuf) {
    (
        io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the files of a snapshot are read-only",
        ),
        path.to_owned(),
    )
}

impl Directory for ReadOnlyDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.0.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.0.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.0.atomic_read(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let (error, filepath) = refused(path);
        Err(DeleteError::IoError {
            io_error: Arc::new(error),
            filepath,
        })
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let (error, path) = refused(path);
        Err(OpenWriteError::wrap_io_error(error, path))
    }

    fn atomic_write(&self, path: &Path, _data: &[u8]) -> io::Result<()> {
        Err(refused(path).0)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Returns a lock without a file: there are no writers to exclude.
    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}
