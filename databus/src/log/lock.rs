//! One process at a time: the lock that a log's writer holds.
//!
//! The operating system gives it back when the process ends, however it ends, so no lock is ever stale.

use super::OpenError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

/// The name of the lock file in a log's folder.
const NAME: &str = "LOCK";

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder that exists, or says that another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let file = folder.join(NAME);
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file);
        let locked = match opened {
            Ok(opened) => opened.try_lock().map(|()| opened),
            Err(source) => return Err(OpenError::File { file, source }),
        };
        match locked {
            Ok(opened) => Ok(Self { _file: opened }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { file }),
            Err(TryLockError::Error(source)) => Err(OpenError::File { file, source }),
        }
    }
}
