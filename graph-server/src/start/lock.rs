//! One server at a time on a directory.

use super::StartError;
use std::{
    fs::{File, TryLockError},
    path::Path,
};

/// The lock's file in the directory of a site.
pub(crate) const LOCK_NAME: &str = "LOCK";

/// Held by the running server; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "holds the lock as long as it is open")] File);

impl Lock {
    pub(crate) fn take(site: &Path) -> Result<Self, StartError> {
        let path = site.join(LOCK_NAME);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = file.map_err(|source| StartError::Io {
            path: path.clone(),
            source,
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StartError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(StartError::Io { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_is_refused_until_the_first_is_gone() {
        let site = tempfile::tempdir().unwrap();
        let first = Lock::take(site.path()).unwrap();
        assert!(matches!(
            Lock::take(site.path()),
            Err(StartError::InUse { .. })
        ));
        drop(first);
        Lock::take(site.path()).unwrap();
    }
}
