//! The file system operations that the log needs, as traits, so that tests can use a failing disk.
//!
//! A [`Disk`] is a folder of named files. A [`DiskFile`] is read, written, truncated and synced at
//! offsets. Written bytes may be lost until [`DiskFile::sync`] has returned. A name that was
//! created, changed or removed may be lost or come back until [`Disk::sync_names`] has returned.
//! After a failed sync nothing is known of the bytes written since the last good sync, even if they
//! read back. Linux drops dirty pages that could not be written, and reports that only once.

use cloud_files::{FileIdentity, PathError, create_folder, open_plain};
use std::{
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// A folder of files.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Returns the names of the files in the folder, in any order.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Creates an empty file of this name, which replaces a file that has the name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens the file of this name, for reading and (unless the folder is read-only) for writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file atomically. A file that has the new name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file's name. Handles that are open already still read the file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns the current time, which segments state as the time of their beginning.
    fn now(&self) -> SystemTime;
    /// Returns the time of the last write to a file. It decides the age of segments that a version
    /// without such times wrote.
    fn written_at(&self, name: &str) -> io::Result<SystemTime>;
    /// Makes the names durable that were created, changed or removed.
    fn sync_names(&self) -> io::Result<()>;
    /// Returns the path of a file, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Checks that this open file is still at the path of its name. A disk that nothing else
    /// changes has nothing to check.
    ///
    /// # Errors
    /// If the file, or a folder above it, was deleted, moved or replaced.
    fn check_in_place(&self, _name: &str, _file: &dyn DiskFile) -> io::Result<()> {
        Ok(())
    }
}

/// A file of a [`Disk`].
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Returns the file's length.
    fn bytes(&self) -> io::Result<u64>;
    /// Reads from an offset until the buffer is full or the file ends. Returns the number of bytes
    /// read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of the bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Truncates the file to a length.
    fn cut(&self, bytes: u64) -> io::Result<()>;
    /// Makes the writes and truncations so far durable.
    fn sync(&self) -> io::Result<()>;
    /// Returns the identity of the file; `None` if it is not a file of the operating system.
    fn identity(&self) -> io::Result<Option<FileIdentity>> {
        Ok(None)
    }
}

/// A folder of the operating system, held open. Its files are opened and renamed through the open
/// folder: when it is moved, nothing is written to a folder that takes its place.
#[derive(Debug)]
pub struct Folder {
    folder: cloud_files::Folder,
}

impl Folder {
    /// Opens the folder at a path. Creates it, and the folders above it, durably if they are
    /// missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.exists() && !path.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                "is not a directory; name a folder, which is created if it is missing",
            ));
        }
        create_folder(path).map_err(|PathError { source, .. }| source)?;
        Ok(Self {
            folder: cloud_files::Folder::open(path)?,
        })
    }
}

impl Disk for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        names(self.folder.path())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(self.folder.create_file(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(self.folder.open_file(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename_file(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove_file(name)
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn written_at(&self, name: &str) -> io::Result<SystemTime> {
        fs::metadata(self.path(name))?.modified()
    }

    fn sync_names(&self) -> io::Result<()> {
        self.folder.file().sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check_in_place(&self, name: &str, file: &dyn DiskFile) -> io::Result<()> {
        match file.identity()? {
            Some(identity) => identity.check_at(&self.path(name)),
            None => Ok(()),
        }
    }
}

/// A folder that another process may own. Operations that would change it return an error.
#[derive(Debug)]
pub struct ReadOnlyFolder {
    path: PathBuf,
}

impl ReadOnlyFolder {
    /// Returns the folder at a path.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl Disk for ReadOnlyFolder {
    fn names(&self) -> io::Result<Vec<String>> {
        names(&self.path)
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(open_plain(&self.path(name))?))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn written_at(&self, name: &str) -> io::Result<SystemTime> {
        fs::metadata(self.path(name))?.modified()
    }

    fn sync_names(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        // The log's files have UTF-8 names, so a name that is not UTF-8 is skipped.
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

impl DiskFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
        let wanted = buffer.len();
        while !buffer.is_empty() {
            match std::os::unix::fs::FileExt::read_at(self, buffer, offset) {
                Ok(0) => break,
                Ok(bytes) => {
                    buffer = buffer.get_mut(bytes..).unwrap_or_default();
                    offset += bytes as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(wanted - buffer.len())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn identity(&self) -> io::Result<Option<FileIdentity>> {
        Ok(Some(FileIdentity::from(&self.metadata()?)))
    }
}
