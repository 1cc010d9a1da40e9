//! A directory whose files are never synced, for an index that can be rebuilt from other data.
//!
//! A commit writes nine files. Waiting for the disk after each would take most of the time until a
//! search finds the change (`make bench`, row "profile change to searchable").
//!
//! tantivy ends each file of a segment with a checksum, but not its lists of segments and files.
//! One flipped bit there can restore deleted documents, or exclude a file from the checks. These
//! lists get a checksum line here: eight hexadecimal digits, the CRC-32C of the bytes before it.

use crate::index::read_only_directory::check_file;
use cloud_files::{check_plain, remove_any};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
    error::{DeleteError, LockError, OpenReadError, OpenWriteError},
};

/// The file name extension of a file before its rename.
const NEW: &str = "new";

/// The length of the checksum line: the digits and a newline.
const CHECKSUM_LINE_BYTES: usize = 9;

/// Memory-mapped files, written through the system's page cache.
#[derive(Clone, Debug)]
pub(crate) struct UnsyncedDirectory {
    path: PathBuf,
    mapped: MmapDirectory,
}

impl UnsyncedDirectory {
    /// Opens a directory. Deletes files that a killed process did not rename.
    pub(crate) fn open(path: &Path) -> tantivy::Result<Self> {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.extension().is_none_or(|end| end != NEW) {
                continue;
            }
            // A writer of this process that has just been dropped may have renamed it.
            remove_any(&path)?;
        }
        Ok(Self {
            path: path.to_owned(),
            mapped: MmapDirectory::open(path)?,
        })
    }
}

struct UnsyncedFile(File);

impl Write for UnsyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for UnsyncedFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}

impl Directory for UnsyncedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        check_file(&self.path, path)?;
        self.mapped.get_file_handle(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        check_file(&self.path, path)?;
        let mut bytes = self.mapped.atomic_read(path)?;
        match bytes.split_last_chunk::<CHECKSUM_LINE_BYTES>() {
            Some((text, line)) if checksum_line(text).as_bytes() == line => {
                bytes.truncate(bytes.len() - CHECKSUM_LINE_BYTES);
                Ok(bytes)
            }
            _ => {
                let reason = "the checksum in its last line does not match";
                let error = io::Error::new(io::ErrorKind::InvalidData, reason);
                Err(OpenReadError::wrap_io_error(error, path.to_owned()))
            }
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.mapped.delete(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = create(&self.path.join(path))
            .map_err(|error| OpenWriteError::wrap_io_error(error, path.to_owned()))?;
        Ok(BufWriter::new(Box::new(UnsyncedFile(file))))
    }

    /// Writes a file that is complete or absent for readers and after a kill, by a rename. Merges
    /// write at the same time.
    fn atomic_write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let whole = self.path.join(path);
        let written = whole.with_extension(format!("{number}.{NEW}"));
        fs::write(&written, [bytes, checksum_line(bytes).as_bytes()].concat())?;
        fs::rename(written, whole)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        // tantivy would wait for the reader of a FIFO.
        match check_plain(&self.path.join(&lock.filepath)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LockError::wrap_io_error(error));
            }
            _ => {}
        }
        self.mapped.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.mapped.watch(callback)
    }
}

fn checksum_line(text: &[u8]) -> String {
    format!("{:08x}\n", crc32c::crc32c(text))
}

/// Creates an empty file, and replaces one that is left over from an uncommitted write. A name is
/// made of a segment and an operation number, and after a restart the same number comes again. A
/// process that has mapped the old file keeps it.
fn create(path: &Path) -> io::Result<File> {
    match File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove_any(path)?;
            File::create_new(path)
        }
        created => created,
    }
}
