//! Opens plain files, and rejects everything else at a path by name.
//!
//! Opening a FIFO blocks until a writer comes, and `/dev/zero` has no end. A path may lead to one
//! by mistake, and a start must not hang on it. A link to a plain file is followed.

use std::{
    fmt,
    fs::{self, File, FileType, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
};

/// The error of a path that leads to something else than a plain file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0}, not a plain file")]
pub struct NotPlain(Kind);

/// The kinds of things that a path can lead to, apart from plain files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    Fifo,
    Device,
    Socket,
    Unknown,
}

/// Opens a plain file for reading.
///
/// # Errors
/// [`NotPlain`], or the system's error.
pub fn open_plain(path: &Path) -> io::Result<File> {
    open_plain_with(path, OpenOptions::new().read(true))
}

/// Opens a plain file with these options. The call never blocks on what is at the path.
///
/// # Errors
/// [`NotPlain`], or the system's error.
pub fn open_plain_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let opened = options
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(path);
    match opened {
        Ok(file) => {
            check_type(file.metadata()?.file_type())?;
            Ok(file)
        }
        Err(error) => {
            // The system rejects some of them with an error that does not name the cause.
            if let Ok(found) = fs::metadata(path) {
                check_type(found.file_type())?;
            }
            Err(error)
        }
    }
}

/// Checks that a path leads to a plain file, for a library that opens the path itself.
///
/// # Errors
/// [`NotPlain`], or the system's error.
pub fn check_plain(path: &Path) -> io::Result<()> {
    check_type(fs::metadata(path)?.file_type())
}

/// Returns whether an error is a [`NotPlain`].
#[must_use]
pub fn is_not_plain(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotPlain>())
}

/// Removes what is at a path, whatever it is: a link itself, or a folder with its content. A path
/// without anything is no error.
///
/// # Errors
/// The system's error.
pub fn remove_any(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

pub(crate) fn check_type(found: FileType) -> io::Result<()> {
    let kind = if found.is_file() {
        return Ok(());
    } else if found.is_dir() {
        Kind::Folder
    } else if found.is_fifo() {
        Kind::Fifo
    } else if found.is_char_device() || found.is_block_device() {
        Kind::Device
    } else if found.is_socket() {
        Kind::Socket
    } else {
        Kind::Unknown
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, NotPlain(kind)))
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Folder => "a folder",
            Self::Fifo => "a FIFO",
            Self::Device => "a device",
            Self::Socket => "a socket",
            Self::Unknown => "something else",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::{fs::symlink, net::UnixListener};

    /// Checks that the path is rejected for reading, writing and creating, with this reason.
    #[track_caller]
    fn refused(path: &Path, kind: &str) {
        let reason = format!("is {kind}, not a plain file");
        for options in [
            OpenOptions::new().read(true),
            OpenOptions::new().write(true),
            OpenOptions::new().read(true).write(true).create(true),
        ] {
            let error = open_plain_with(path, options).unwrap_err();
            assert!(is_not_plain(&error), "{error}");
            assert_eq!(error.to_string(), reason);
        }
        assert_eq!(check_plain(path).unwrap_err().to_string(), reason);
    }

    #[test]
    fn only_plain_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "content").unwrap();
        symlink("file", at("link")).unwrap();
        for name in ["file", "link"] {
            assert_eq!(open_plain(&at(name)).unwrap().metadata().unwrap().len(), 7);
            check_plain(&at(name)).unwrap();
        }
        fs::create_dir(at("folder")).unwrap();
        refused(&at("folder"), "a folder");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, mode, 0).unwrap();
        refused(&at("fifo"), "a FIFO");
        symlink("/dev/zero", at("device")).unwrap();
        refused(&at("device"), "a device");
        let _listener = UnixListener::bind(at("socket")).unwrap();
        refused(&at("socket"), "a socket");
        let missing = open_plain(&at("missing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(!is_not_plain(&missing));
        for name in ["file", "link", "folder", "fifo", "device", "missing"] {
            remove_any(&at(name)).unwrap();
            assert!(fs::symlink_metadata(at(name)).is_err(), "{name}");
        }
        assert!(Path::new("/dev/zero").exists());
    }
}
