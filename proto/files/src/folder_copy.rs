//! Copies files into a new folder, which appears complete or not at all.
//!
//! The copy is made in a folder beside the target, whose name ends in `.partial`. It gets the
//! target's name once everything in it is on the disk.

use crate::durable::{PathError, sync_above, sync_folders};
use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// The suffix of the folder while files are copied.
const PARTIAL_SUFFIX: &str = ".partial";

/// The bytes that are copied between two reports of progress.
const STEP_BYTES: u64 = 8 << 20;

/// Whether files that never change are copied, or only linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// Every file is copied.
    Copies,
    /// Files that never change get a second name. That needs no space, and the target must be on
    /// their file system. Damage to one name is damage to both.
    Links,
}

/// A copy that is being made. It is removed if it is dropped before it is finished.
pub struct FolderCopy<'a> {
    target: PathBuf,
    partial: PathBuf,
    taking: Taking,
    /// Called with the number of bytes that were taken since the last call.
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The target, or the folder that becomes the target, exists.
    #[error("{}: exists already; name another folder, or remove it", .0.display())]
    Exists(PathBuf),
    /// Files cannot be linked, because the target is on another file system.
    #[error("{}: is on another file system: the files must be copied, not linked", .0.display())]
    OtherFileSystem(PathBuf),
    /// The report of progress ended the copy.
    #[error("the copy was stopped")]
    Stopped,
    /// A file or a folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or the folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl From<PathError> for CopyError {
    fn from(PathError { path, source }: PathError) -> Self {
        Self::Io { path, source }
    }
}

impl CopyError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Returns whether a file did not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl<'a> FolderCopy<'a> {
    /// Begins a copy. Calls `progress` with the number of bytes that were taken since its last
    /// call.
    ///
    /// # Errors
    /// If the target exists, or cannot be created.
    pub fn create(
        target: &Path,
        taking: Taking,
        progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, CopyError> {
        if target.symlink_metadata().is_ok() {
            return Err(CopyError::Exists(target.to_owned()));
        }
        let mut partial = target.as_os_str().to_owned();
        partial.push(PARTIAL_SUFFIX);
        let partial = PathBuf::from(partial);
        match fs::create_dir(&partial) {
            Ok(()) => Ok(Self {
                target: target.to_owned(),
                partial,
                taking,
                progress,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CopyError::Exists(partial))
            }
            Err(error) => Err(CopyError::io(&partial)(error)),
        }
    }

    /// Takes a whole file that never changes, under a name relative to the target. `file` is open,
    /// and `path` is where it was opened.
    ///
    /// # Errors
    /// If the file cannot be read or written, or the copy was stopped.
    pub fn take(&mut self, file: &File, path: &Path, name: &Path) -> Result<(), CopyError> {
        let bytes = file.metadata().map_err(CopyError::io(path))?.len();
        if self.taking == Taking::Copies {
            return self.take_part(file, path, name, bytes);
        }
        let to = self.place(name)?;
        fs::hard_link(path, &to).map_err(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => CopyError::OtherFileSystem(self.target.clone()),
            _ => CopyError::io(path)(error),
        })?;
        self.report(bytes)
    }

    /// Copies the first bytes of a file that may grow.
    ///
    /// # Errors
    /// If the file cannot be read or written, or the copy was stopped.
    pub fn take_part(
        &mut self,
        mut file: &File,
        path: &Path,
        name: &Path,
        bytes: u64,
    ) -> Result<(), CopyError> {
        let place = self.place(name)?;
        let mut to = File::create_new(&place).map_err(CopyError::io(&place))?;
        file.rewind().map_err(CopyError::io(path))?;
        let mut left = bytes;
        while left > 0 {
            let step = left.min(STEP_BYTES);
            let copied = io::copy(&mut file.take(step), &mut to);
            let copied = copied.map_err(CopyError::io(&place))?;
            if copied == 0 {
                let source = io::Error::new(io::ErrorKind::UnexpectedEof, "is shorter than it was");
                return Err(CopyError::io(path)(source));
            }
            left -= copied;
            self.report(copied)?;
        }
        to.sync_all().map_err(CopyError::io(&place))
    }

    /// Removes what was taken under a name.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&mut self, name: &Path) -> Result<(), CopyError> {
        let path = self.partial.join(name);
        crate::remove_any(&path).map_err(CopyError::io(&path))
    }

    /// Makes everything durable, and gives the copy the name of the target.
    ///
    /// # Errors
    /// If a folder cannot be synced or renamed. The copy is then removed.
    pub fn finish(self) -> Result<(), CopyError> {
        sync_folders(&self.partial)?;
        if self.target.symlink_metadata().is_ok() {
            return Err(CopyError::Exists(self.target.clone()));
        }
        fs::rename(&self.partial, &self.target).map_err(CopyError::io(&self.target))?;
        Ok(sync_above(&self.target)?)
    }

    fn report(&mut self, bytes: u64) -> Result<(), CopyError> {
        match (self.progress)(bytes) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CopyError::Stopped),
        }
    }

    /// Returns the path of a file in the copy. The folders above it are created.
    fn place(&self, name: &Path) -> Result<PathBuf, CopyError> {
        let place = self.partial.join(name);
        if let Some(above) = place.parent() {
            fs::create_dir_all(above).map_err(CopyError::io(above))?;
        }
        Ok(place)
    }
}

impl Drop for FolderCopy<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing to remove. Before it, the caller already has an error.
        let _ = fs::remove_dir_all(&self.partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn go_on(_: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn a_copy_appears_whole_with_what_was_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        fs::write(&source, "0123456789").unwrap();
        let file = File::open(&source).unwrap();
        for taking in [Taking::Copies, Taking::Links] {
            let mut taken = 0;
            let mut progress = |bytes| {
                taken += bytes;
                ControlFlow::Continue(())
            };
            let mut copy = FolderCopy::create(&target, taking, &mut progress).unwrap();
            copy.take(&file, &source, Path::new("below/whole")).unwrap();
            copy.take_part(&file, &source, Path::new("part"), 4)
                .unwrap();
            copy.take_part(&file, &source, Path::new("removed"), 1)
                .unwrap();
            copy.remove(Path::new("removed")).unwrap();
            assert!(!target.exists());
            copy.finish().unwrap();
            let is_linked = fs::metadata(&source).unwrap().nlink() == 2;
            assert_eq!(is_linked, taking == Taking::Links);
            let whole = fs::read_to_string(target.join("below/whole")).unwrap();
            assert_eq!(whole, "0123456789");
            assert_eq!(fs::read_to_string(target.join("part")).unwrap(), "0123");
            assert_eq!(fs::read_dir(&target).unwrap().count(), 2);
            assert_eq!(taken, 15);
            fs::remove_dir_all(&target).unwrap();
        }
    }

    #[test]
    fn a_copy_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (source, target) = (folder.path().join("source"), folder.path().join("target"));
        fs::write(&source, "0123456789").unwrap();
        let file = File::open(&source).unwrap();
        let mut stop = |_| ControlFlow::Break(());
        let mut copy = FolderCopy::create(&target, Taking::Copies, &mut stop).unwrap();
        let stopped = copy.take(&file, &source, Path::new("file"));
        assert!(matches!(stopped, Err(CopyError::Stopped)));
        drop(copy);
        let mut progress = go_on;
        let mut copy = FolderCopy::create(&target, Taking::Copies, &mut progress).unwrap();
        let short = copy.take_part(&file, &source, Path::new("file"), 11);
        let message = short.unwrap_err().to_string();
        assert!(
            message.ends_with("source: is shorter than it was"),
            "{message}"
        );
        drop(copy);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_that_exists_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let mut progress = go_on;
        fs::create_dir(folder.path().join("target.partial")).unwrap();
        let mut create = || {
            FolderCopy::create(&target, Taking::Copies, &mut progress)
                .err()
                .unwrap()
        };
        let message = create().to_string();
        assert!(
            message.contains("target.partial: exists already"),
            "{message}"
        );
        fs::write(&target, "").unwrap();
        let message = create().to_string();
        assert!(message.contains("target: exists already"), "{message}");
        let nowhere = folder.path().join("none/target");
        let mut progress = go_on;
        let error = FolderCopy::create(&nowhere, Taking::Copies, &mut progress);
        assert!(error.err().unwrap().is_not_found());
    }
}
