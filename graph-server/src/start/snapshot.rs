//! Chooses the snapshot to start from: the newest whose files are sound.
//!
//! A snapshot whose graph is damaged is skipped. One whose profiles or index alone are damaged is
//! skipped for an earlier one of the same lineage, if the log still holds the windows after that
//! one. Without such a snapshot, the server starts with the newest graph, and without profiles.

use super::StartError;
use cloud_engine::{Base, FileError, Manifest, newest_snapshots};
use cloud_model::Scn;
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    vec,
};

/// A snapshot with an opened graph.
pub(crate) struct Snapshot {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) base: Arc<Base>,
}

/// The snapshots of a site whose graph is sound, newest first.
pub(crate) struct Snapshots {
    site: PathBuf,
    paths: vec::IntoIter<PathBuf>,
    refused: Vec<FileError>,
}

impl Snapshots {
    /// Lists the snapshots, and opens none yet.
    pub(crate) fn of(site: &Path) -> Result<Self, StartError> {
        Ok(Self {
            site: site.to_owned(),
            paths: newest_snapshots(site)?.into_iter(),
            refused: Vec::new(),
        })
    }

    /// Opens the newest snapshot with a sound graph.
    pub(crate) fn newest(&mut self) -> Result<Snapshot, StartError> {
        self.next().ok_or_else(|| StartError::NoSnapshot {
            site: self.site.clone(),
            refused: std::mem::take(&mut self.refused),
        })
    }

    /// Opens the rest of a snapshot, with `open`. If that fails, an earlier snapshot is returned
    /// for which it succeeds, unless the log is not held after it: `oldest_after_scn` is the lowest
    /// SCN after which the log is held, if it is known. Without one, returns the first snapshot and
    /// its error.
    pub(crate) fn open_with<T, E: fmt::Display>(
        self,
        newest: Snapshot,
        oldest_after_scn: Option<Scn>,
        mut open: impl FnMut(&Path, &Manifest) -> Result<T, E>,
    ) -> (Snapshot, Result<T, E>) {
        let error = match open(&newest.path, &newest.manifest) {
            Ok(opened) => return (newest, Ok(opened)),
            Err(error) => error,
        };
        let lineage = newest.manifest.lineage_id;
        for snapshot in self {
            let Snapshot { path, manifest, .. } = &snapshot;
            let is_held = oldest_after_scn
                .is_some_and(|oldest| oldest <= manifest.scn && oldest <= manifest.profiles_scn());
            if !is_held || manifest.lineage_id != lineage {
                continue;
            }
            match open(path, manifest) {
                Ok(opened) => {
                    let unused = newest.path.display();
                    tracing::warn!(%error, snapshot = %unused, "this snapshot is not used");
                    tracing::warn!("starting from {snapshot} instead");
                    return (snapshot, Ok(opened));
                }
                Err(error) => {
                    tracing::warn!(%error, snapshot = %path.display(), "this snapshot is not used");
                }
            }
        }
        (newest, Err(error))
    }
}

impl Iterator for Snapshots {
    type Item = Snapshot;

    /// Opens the next snapshot with a sound graph. Others are logged and skipped.
    fn next(&mut self) -> Option<Snapshot> {
        for path in self.paths.by_ref() {
            match Snapshot::open(&path) {
                Ok(snapshot) => return Some(snapshot),
                Err(error) => {
                    tracing::warn!(%error, snapshot = %path.display(), "this snapshot is not used");
                    self.refused.push(error);
                }
            }
        }
        None
    }
}

impl Snapshot {
    fn open(path: &Path) -> Result<Self, FileError> {
        let manifest = Manifest::read(path)?;
        let base = Base::open(path, &manifest)?;
        Ok(Self {
            path: path.to_owned(),
            manifest,
            base: Arc::new(base),
        })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.manifest.members;
        write!(formatter, "{}, {members} members", self.path.display())
    }
}
