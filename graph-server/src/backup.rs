//! Copies what another start of this server needs, while it serves: the newest snapshot, and the
//! log if this process owns it.
//!
//! The live profiles and index are not copied: the snapshot has the profiles, and a start makes the
//! rest from them and the log.

use crate::site::Site;
use cloud_engine::{FileError, MANIFEST_NAME, Manifest};
use cloud_files::{CopyError, FolderCopy, Taking, open_plain};
use cloud_model::LogPoint;
use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder of the snapshots in a backup.
pub(crate) const SNAPSHOT_NAME: &str = "snapshot";
/// The folder of the log in a backup.
pub(crate) const LOG_NAME: &str = "log";

/// How often a copy begins again because snapshots and windows were removed meanwhile.
const ATTEMPTS: usize = 3;

/// A backup that was taken.
pub(crate) struct Backup {
    pub(crate) snapshot: Arc<Manifest>,
    /// The point that a start from the backup reaches, or a later one.
    pub(crate) point: LogPoint,
}

/// Why there is no backup. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// The files cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The manifest of the snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// Snapshots were removed faster than they could be copied.
    #[error("snapshots and windows were removed while they were copied, {ATTEMPTS} times")]
    Overtaken,
}

/// Returns the bytes that a backup would copy now.
pub(crate) fn bytes(site: &Site) -> u64 {
    let snapshot = site.compaction.status().snapshot;
    let files = snapshot.files.iter().map(|file| file.bytes).sum::<u64>();
    files + site.log.owned().map_or(0, |log| log.status().bytes)
}

/// Takes a backup into a folder that does not exist. Calls `progress` with the number of bytes that
/// were taken since its last call.
pub(crate) fn take(
    site: &Site,
    target: &Path,
    taking: Taking,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Backup, BackupError> {
    let mut copy = FolderCopy::create(target, taking, progress)?;
    for _ in 0..ATTEMPTS {
        if let Some(backup) = attempt(site, &mut copy)? {
            copy.finish()?;
            return Ok(backup);
        }
        for name in [SNAPSHOT_NAME, LOG_NAME] {
            copy.remove(Path::new(name))?;
        }
    }
    Err(BackupError::Overtaken)
}

/// Returns `None` if a newer snapshot has taken the place of the copied one meanwhile, and what is
/// needed with the copied one was removed.
fn attempt(site: &Site, copy: &mut FolderCopy<'_>) -> Result<Option<Backup>, BackupError> {
    let snapshot = site.compaction.status().snapshot;
    let taken = take_snapshot(&site.folder, &snapshot, copy);
    let is_replaced = || site.compaction.status().snapshot.scn != snapshot.scn;
    match taken {
        Ok(()) => {}
        Err(error) if error.is_not_found() && is_replaced() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let Some(log) = site.log.owned() else {
        let point = snapshot.point();
        return Ok(Some(Backup { snapshot, point }));
    };
    let copied = log.copy_to(copy, Path::new(LOG_NAME))?;
    if copied.oldest_after_scn > snapshot.profiles_scn().min(snapshot.scn) {
        return Ok(None);
    }
    let point = copied.head;
    Ok(Some(Backup { snapshot, point }))
}

/// Takes the files of a snapshot. All are opened before the first is copied, so that they can be
/// read to their end even if the server removes the snapshot.
fn take_snapshot(
    site: &Path,
    snapshot: &Manifest,
    copy: &mut FolderCopy<'_>,
) -> Result<(), CopyError> {
    let name = snapshot.directory_name();
    let folder = site.join(&name);
    let files = snapshot.files.iter().map(|file| file.name.as_str());
    let open = |file: &str| {
        let path = folder.join(file);
        match open_plain(&path) {
            Ok(opened) => Ok((
                opened,
                path,
                Path::new(SNAPSHOT_NAME).join(&name).join(file),
            )),
            Err(source) => Err(CopyError::Io { path, source }),
        }
    };
    let opened: Result<Vec<(File, PathBuf, PathBuf)>, _> =
        files.chain([MANIFEST_NAME]).map(open).collect();
    for (file, path, name) in opened? {
        copy.take(&file, &path, &name)?;
    }
    Ok(())
}
