//! The folder of the live profiles and index, and how they are opened again while the server runs.
//!
//! Everything in it can be made again from a snapshot and the log. The newest snapshot is tried
//! first: from it, the fewest windows have to be read again.

use cloud_engine::{FileError, Manifest, newest_snapshots};
use cloud_files::FolderLock;
use cloud_model::{LineageId, LogId};
use cloud_search::{ApplyError, OpenError, ProfileStore, ProfileWriter};
use cloud_serving::process::catch_panic;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder of a site in which profiles and search keep the changes since the snapshot.
pub(crate) const LIVE_NAME: &str = "live";

/// The live folder of a site, for the thread that writes it.
pub(crate) struct LiveFolder {
    pub(crate) site: PathBuf,
    pub(crate) lineage: LineageId,
    pub(crate) log_id: LogId,
    pub(crate) lock: Arc<FolderLock>,
}

impl LiveFolder {
    pub(crate) fn path(&self) -> PathBuf {
        self.site.join(LIVE_NAME)
    }

    /// Returns an error if the site's folder is no longer the one that this server has locked.
    pub(crate) fn check_in_place(&self) -> Result<(), ApplyError> {
        let checked = self.lock.folder().check_in_place();
        checked.map_err(|source| {
            let path = self.site.clone();
            ApplyError::File(FileError::Io { path, source })
        })
    }

    /// Opens the live profiles and index again, from the newest snapshot that serves for it.
    /// Replaces what is damaged.
    pub(crate) fn open_again(&self, profiles: &ProfileStore) -> Result<ProfileWriter, OpenError> {
        self.check_in_place()?;
        let live = self.path();
        let mut failed = None;
        for snapshot in newest_snapshots(&self.site)? {
            let opened = Manifest::read(&snapshot).and_then(|manifest| {
                manifest.check_lineage(&snapshot, self.lineage)?;
                Ok(manifest)
            });
            let opened = opened.map_err(OpenError::from).and_then(|manifest| {
                replacing_what_panics(&live, || {
                    profiles.open_again(&snapshot, &manifest, &live, self.log_id)
                })
            });
            match opened {
                Ok(writer) => return Ok(writer),
                // The error about the newest one is reported.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| {
            let source = io::Error::new(io::ErrorKind::NotFound, "holds no snapshot");
            let path = self.site.clone();
            FileError::Io { path, source }.into()
        }))
    }
}

/// Opens the live profiles and index. If a library panics on their files, sets the profiles aside
/// and tries once more.
pub(crate) fn replacing_what_panics<T>(
    live: &Path,
    mut open: impl FnMut() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let panicked = match catch_panic(&mut open) {
        Ok(opened) => return opened,
        Err(panicked) => panicked,
    };
    tracing::error!(%panicked, "the live profiles are replaced");
    ProfileStore::set_aside(live)?;
    catch_panic(open).unwrap_or_else(|panicked| {
        Err(FileError::Io {
            path: live.to_owned(),
            source: io::Error::other(panicked),
        }
        .into())
    })
}
