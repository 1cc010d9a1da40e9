//! A file for rows that do not fit the memory. Any number of workers append to it and read from it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::job::error::Error;

/// A file in the scratch folder, which is removed when the build ends.
#[derive(Debug)]
pub(crate) struct ScratchFile {
    path: PathBuf,
    file: File,
    end: AtomicU64,
}

impl ScratchFile {
    pub(crate) fn create(directory: &Path, name: &str) -> Result<Self, Error> {
        let path = directory.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(Error::file("create", &path))?;
        Ok(Self {
            path,
            file,
            end: AtomicU64::new(0),
        })
    }

    /// Appends the bytes and returns their offset.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<u64, Error> {
        let at = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file
            .write_all_at(bytes, at)
            .map_err(Error::file("write", &self.path))?;
        Ok(at)
    }

    pub(crate) fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), Error> {
        self.file
            .read_exact_at(bytes, at)
            .map_err(Error::file("read", &self.path))
    }
}
