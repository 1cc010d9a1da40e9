//! A directory that tantivy can only read: the base index belongs to a snapshot, which is written
//! once.
//!
//! Without it, opening an index would leave lock files behind.

use cloud_files::check_plain;
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

/// Checks that a file of an index is a plain file: tantivy would wait for the writer of a FIFO. A
/// file that is missing is left to tantivy's own error.
pub(crate) fn check_file(folder: &Path, file: &Path) -> Result<(), OpenReadError> {
    match check_plain(&folder.join(file)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OpenReadError::wrap_io_error(error, file.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Memory-mapped files, never written.
#[derive(Clone, Debug)]
pub(crate) struct ReadOnlyDirectory {
    path: PathBuf,
    mapped: MmapDirectory,
}

impl ReadOnlyDirectory {
    pub(crate) fn open(path: &Path) -> tantivy::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            mapped: MmapDirectory::open(path)?,
        })
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
        check_file(&self.path, path)?;
        self.mapped.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        check_file(&self.path, path)?;
        self.mapped.atomic_read(path)
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
