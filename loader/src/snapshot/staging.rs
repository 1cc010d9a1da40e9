//! The directory in which a snapshot is built before it gets its name.
//!
//! A snapshot appears by a rename, after everything in it has been fsynced. A build that is killed,
//! or that runs out of disk, leaves a `.building-*` directory. No server opens it, and the next
//! build removes it.
//!
//! The site's directory has a `LOCK` file, which servers lock too. So two processes never work
//! there at once, and any `.building-*` directory that a build finds is a leftover.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use cloud_engine::{newest_snapshots, snapshot_name};
use cloud_files::{FolderLock, LockError, create_folder, sync_path, sync_tree};
use cloud_model::Scn;

use crate::{job::error::Error, snapshot::rejects::REJECTS_NAME};

/// How the name of a snapshot in the making begins.
pub(crate) const STAGING_PREFIX: &str = ".building-";

/// A snapshot in the making. If it is dropped before it is published, its directory is removed.
#[derive(Debug)]
pub(crate) struct Staging {
    site: PathBuf,
    path: PathBuf,
    target: PathBuf,
    is_published: bool,
    _lock: FolderLock,
}

impl Staging {
    /// Creates the staging directory in the site's directory. The latter is created if it is
    /// missing, and must hold no snapshot.
    pub(crate) fn create(site: &Path, scn: Scn) -> Result<Self, Error> {
        create_folder(site).map_err(|error| Error::file("create", error.path)(error.source))?;
        let lock = lock(site)?;
        if let Some(snapshot) = newest_snapshots(site)?.into_iter().next() {
            return Err(Error::SnapshotExists(snapshot));
        }
        remove_leftovers(site)?;
        let path = site.join(format!("{STAGING_PREFIX}{}", process::id()));
        fs::create_dir(&path).map_err(Error::file("create", &path))?;
        let target = site.join(snapshot_name(0, scn));
        Ok(Self {
            site: site.to_owned(),
            path,
            target,
            is_published: false,
            _lock: lock,
        })
    }

    /// Returns the directory for the snapshot's files.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a directory for files that are needed only during the build.
    pub(crate) fn create_scratch(&self) -> Result<PathBuf, Error> {
        let path = self.path.join("scratch");
        fs::create_dir(&path).map_err(Error::file("create", &path))?;
        Ok(path)
    }

    /// Returns the final path of the list of rejected rows, beside the snapshot.
    pub(crate) fn rejects_path(&self) -> PathBuf {
        self.site.join(REJECTS_NAME)
    }

    /// Moves the list of rejected rows to its final path. It was written and fsynced in the scratch
    /// directory.
    pub(crate) fn publish_rejects(&self, list: &Path) -> Result<(), Error> {
        fs::rename(list, self.rejects_path()).map_err(Error::file("rename", list))?;
        Ok(sync_path(&self.site)?)
    }

    /// Fsyncs everything, renames the snapshot to its final name, and returns its path.
    pub(crate) fn publish(mut self) -> Result<PathBuf, Error> {
        sync_tree(&self.path)?;
        fs::rename(&self.path, &self.target).map_err(Error::file("rename", &self.path))?;
        self.is_published = true;
        sync_path(&self.site)?;
        Ok(self.target.clone())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_published {
            // The error that led to the drop is the one to report. The next build removes what
            // remains here.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn lock(site: &Path) -> Result<FolderLock, Error> {
    FolderLock::take(site).map_err(|error| match error {
        LockError::InUse { .. } => Error::InUse(site.to_owned()),
        LockError::File { file, source } => Error::file("lock", file)(source),
    })
}

fn remove_leftovers(site: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(site).map_err(Error::file("read", site))? {
        let entry = entry.map_err(Error::file("read", site))?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(STAGING_PREFIX)
        {
            fs::remove_dir_all(entry.path()).map_err(Error::file("remove", entry.path()))?;
        }
        if entry.file_name() == REJECTS_NAME {
            fs::remove_file(entry.path()).map_err(Error::file("remove", entry.path()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(site: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(site)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_not_published_is_removed() {
        let site = tempfile::tempdir().unwrap();
        let leftover = site.path().join(".building-1");
        fs::create_dir(&leftover).unwrap();
        fs::write(leftover.join("graph.csr"), "half").unwrap();
        let staging = Staging::create(site.path(), Scn::new(7)).unwrap();
        fs::write(staging.path().join("graph.csr"), "half").unwrap();
        assert_eq!(
            names(site.path()),
            [format!(".building-{}", process::id()), "LOCK".to_owned()]
        );
        assert!(matches!(
            Staging::create(site.path(), Scn::new(7)),
            Err(Error::InUse(_))
        ));
        drop(staging);
        assert_eq!(names(site.path()), ["LOCK"]);
    }

    #[test]
    fn a_snapshot_is_never_overwritten() {
        let site = tempfile::tempdir().unwrap();
        let path = Staging::create(site.path(), Scn::new(7))
            .unwrap()
            .publish()
            .unwrap();
        assert_eq!(path, site.path().join("00000000000000000007"));
        let again = Staging::create(site.path(), Scn::new(8))
            .unwrap_err()
            .to_string();
        assert!(
            again.starts_with(&format!("{} is a snapshot already", path.display())),
            "{again}"
        );
        assert_eq!(names(site.path()), ["00000000000000000007", "LOCK"]);
    }
}
