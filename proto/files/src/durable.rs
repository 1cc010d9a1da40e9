//! Makes files and folders durable: after a sync, a loss of power keeps what was written.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// An error of the system at a path.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct PathError {
    /// The file or the folder.
    pub path: PathBuf,
    /// The system's error.
    pub source: io::Error,
}

impl PathError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            path: path.to_owned(),
            source,
        }
    }
}

/// Syncs one file, or the names in one folder.
///
/// # Errors
/// If it cannot be opened or synced.
pub fn sync_path(path: &Path) -> Result<(), PathError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(PathError::at(path))
}

/// Creates a folder and the missing ones above it, durably. A folder that exists is no error.
///
/// # Errors
/// If a folder cannot be created or synced.
pub fn create_folder(folder: &Path) -> Result<(), PathError> {
    let missing = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .count();
    fs::create_dir_all(folder).map_err(PathError::at(folder))?;
    for above in folder.ancestors().skip(1).take(missing) {
        sync_path(or_here(above))?;
    }
    Ok(())
}

/// Syncs the folder that a path is in.
///
/// # Errors
/// If it cannot be opened or synced.
pub fn sync_above(path: &Path) -> Result<(), PathError> {
    sync_path(path.parent().map_or(Path::new("."), or_here))
}

/// Returns a folder's path. The parent of a relative path's first part is "".
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Syncs every file and folder below a folder, and the folder itself.
///
/// # Errors
/// If one of them cannot be read or synced.
pub fn sync_tree(folder: &Path) -> Result<(), PathError> {
    sync_below(folder, true)
}

/// Syncs a folder and those below it, whose files were synced before.
///
/// # Errors
/// If one of them cannot be read or synced.
pub fn sync_folders(folder: &Path) -> Result<(), PathError> {
    sync_below(folder, false)
}

fn sync_below(folder: &Path, with_files: bool) -> Result<(), PathError> {
    for entry in fs::read_dir(folder).map_err(PathError::at(folder))? {
        let path = entry.map_err(PathError::at(folder))?.path();
        if path.is_dir() {
            sync_below(&path, with_files)?;
        } else if with_files {
            sync_path(&path)?;
        }
    }
    sync_path(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_created_with_those_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_folder(&deep).unwrap();
        create_folder(&deep).unwrap();
        sync_above(&deep).unwrap();
        assert!(deep.is_dir());
        fs::write(folder.path().join("file"), "").unwrap();
        let error = create_folder(&folder.path().join("file/below")).unwrap_err();
        assert_eq!(error.path, folder.path().join("file/below"));
        assert_eq!(or_here(Path::new("")), Path::new("."));
    }

    #[test]
    fn a_tree_is_synced_and_an_error_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("below/file"), "content").unwrap();
        sync_tree(folder.path()).unwrap();
        let broken = folder.path().join("below/broken");
        std::os::unix::fs::symlink("nowhere", &broken).unwrap();
        let error = sync_tree(folder.path()).unwrap_err();
        assert_eq!(error.path, broken);
        sync_folders(folder.path()).unwrap();
        assert!(error.to_string().contains("below/broken: "), "{error}");
    }
}
