//! Opens the newest valid snapshot.

use super::StartError;
use cloud_engine::{Base, FileError, Manifest, newest_snapshots};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// An opened snapshot.
pub(crate) struct Snapshot {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) base: Arc<Base>,
}

impl Snapshot {
    /// Opens the newest valid snapshot of the site. Invalid ones are logged and skipped.
    pub(crate) fn newest(site: &Path) -> Result<Self, StartError> {
        let mut refused = Vec::new();
        for path in newest_snapshots(site)? {
            match Self::open(&path) {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => {
                    tracing::warn!(%error, snapshot = %path.display(), "this snapshot is not used");
                    refused.push(error);
                }
            }
        }
        Err(StartError::NoSnapshot {
            site: site.to_owned(),
            refused,
        })
    }

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
