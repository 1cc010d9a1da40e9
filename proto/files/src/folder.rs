//! A folder that is held open, with the files in it, and the check that it is still at its path.
//!
//! Every operation goes through the open folder, not through its path. A folder that is moved or
//! replaced therefore keeps its own files, and the one that took its place is never written to.

use crate::plain_file::check_type;
use rustix::fs::{AtFlags, Mode, OFlags};
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    file: File,
    identity: FileIdentity,
}

/// The identity of a file or folder on its machine, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The error of a path that no longer leads to what was opened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no longer what was opened at this path: it, or a folder above it, was deleted, moved or \
     replaced"
)]
pub struct NotInPlace;

/// Returns whether an error is a [`NotInPlace`].
#[must_use]
pub fn is_not_in_place(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<NotInPlace>())
}

impl From<&Metadata> for FileIdentity {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
        }
    }
}

impl FileIdentity {
    /// Checks that a path leads to the file or folder with this identity.
    ///
    /// # Errors
    /// [`NotInPlace`], or the system's error.
    pub fn check_at(self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(found) if Self::from(&found) == self => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, NotInPlace)),
        }
    }
}

impl Folder {
    /// Opens a folder that exists.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = (OFlags::DIRECTORY | OFlags::NONBLOCK).bits() as i32;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        Ok(Self {
            path: path.to_owned(),
            identity: FileIdentity::from(&file.metadata()?),
            file,
        })
    }

    /// Returns the path that the folder was opened at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open folder itself, to lock or to sync it.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Checks that the path still leads to this folder.
    ///
    /// # Errors
    /// [`NotInPlace`], or the system's error.
    pub fn check_in_place(&self) -> io::Result<()> {
        self.identity.check_at(&self.path)
    }

    /// Opens a plain file in the folder for reading and writing.
    ///
    /// # Errors
    /// [`NotPlain`](crate::NotPlain), or the system's error.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        self.open_with(name, OFlags::RDWR)
    }

    /// Creates an empty file in the folder, or empties the plain file of that name.
    ///
    /// # Errors
    /// [`NotPlain`](crate::NotPlain), or the system's error.
    pub fn create_file(&self, name: &str) -> io::Result<File> {
        self.open_with(name, OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC)
    }

    /// Renames a file within the folder. It replaces a file that has the new name.
    ///
    /// # Errors
    /// The system's error.
    pub fn rename_file(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.file, from, &self.file, to)?)
    }

    /// Removes a file from the folder.
    ///
    /// # Errors
    /// The system's error.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.file, name, AtFlags::empty())?)
    }

    fn open_with(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = match rustix::fs::openat(&self.file, name, flags, mode) {
            Ok(file) => File::from(file),
            Err(error) => {
                // The system rejects a folder or a socket with an error that names no cause.
                if let Ok(found) = fs::metadata(self.path.join(name)) {
                    check_type(found.file_type())?;
                }
                return Err(error.into());
            }
        };
        check_type(file.metadata()?.file_type())?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn a_folder_that_is_moved_keeps_its_files_and_says_so() {
        let above = tempfile::tempdir().unwrap();
        let (path, moved) = (above.path().join("one"), above.path().join("two"));
        fs::create_dir(&path).unwrap();
        let folder = Folder::open(&path).unwrap();
        folder.check_in_place().unwrap();
        fs::rename(&path, &moved).unwrap();
        assert!(is_not_in_place(&folder.check_in_place().unwrap_err()));
        // Another folder takes its place.
        fs::create_dir(&path).unwrap();
        assert!(is_not_in_place(&folder.check_in_place().unwrap_err()));
        let file = folder.create_file("a").unwrap();
        file.write_all_at(b"x", 0).unwrap();
        folder.rename_file("a", "b").unwrap();
        assert_eq!(fs::read(moved.join("b")).unwrap(), b"x");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        let identity = FileIdentity::from(&file.metadata().unwrap());
        identity.check_at(&moved.join("b")).unwrap();
        assert!(is_not_in_place(
            &identity.check_at(&path.join("b")).unwrap_err()
        ));
        folder.remove_file("b").unwrap();
        assert!(folder.open_file("b").is_err());
        fs::remove_dir(&path).unwrap();
        fs::rename(&moved, &path).unwrap();
        folder.check_in_place().unwrap();
    }

    #[test]
    fn only_plain_files_are_opened_in_a_folder() {
        let above = tempfile::tempdir().unwrap();
        let folder = Folder::open(above.path()).unwrap();
        fs::create_dir(above.path().join("folder")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", above.path().join("device")).unwrap();
        for name in ["folder", "device"] {
            for opened in [folder.open_file(name), folder.create_file(name)] {
                assert!(crate::is_not_plain(&opened.unwrap_err()), "{name}");
            }
        }
        assert!(Folder::open(&above.path().join("device")).is_err());
    }
}
