//! Writes a snapshot: the graph is rewritten, files that never change are linked, and changed
//! profiles are copied.
//!
//! The snapshot appears by a rename, after everything in it has been synced, as the loader's does.
//! A server that ends at any point before leaves a `.building-*` directory. No start opens it, and
//! the next one removes it.

use super::kept;
use cloud_engine::{
    FileError, Fold, GRAPH_NAME, Graph, HISTORIES_NAME, Manifest, ManifestFile, POLICY_NAME,
    StandsAt, TIMES_NAME, write_histories,
};
use cloud_files::{PathError, sync_folders, sync_path};
use cloud_model::{LogId, LogPoint, Scn, SourceMark};
use cloud_search::{LIVE_PROFILES_NAME, Published};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The name of a snapshot that is being written.
const BUILDING_NAME: &str = ".building-snapshot";
/// The prefix of snapshots that were not finished, of the server or the loader.
const BUILDING_PREFIX: &str = ".building-";

/// Why a snapshot was not written. The snapshot before is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// The server shuts down.
    #[error("the server ends")]
    Stopped,
    /// A file cannot be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// The operating system returned an error.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl From<PathError> for SnapshotError {
    fn from(PathError { path, source }: PathError) -> Self {
        Self::Io { path, source }
    }
}

impl SnapshotError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// A snapshot that is being written. It is removed if it is dropped before it is finished.
pub(super) struct SnapshotWriter {
    fold: Option<Fold>,
    building: Building,
    manifest: Manifest,
    /// The histories of the newest windows.
    points: Vec<LogPoint>,
    before: Before,
}

/// The place of a snapshot in the log.
pub(super) struct Place {
    pub(super) log_id: LogId,
    /// The last offset of each source.
    pub(super) sources: Vec<SourceMark>,
    /// The histories of the newest windows up to the snapshot's SCN, ascending.
    pub(super) points: Vec<LogPoint>,
}

/// The profiles of the snapshot before.
struct Before {
    folder: PathBuf,
    changed: Option<ManifestFile>,
    scn: Scn,
}

impl SnapshotWriter {
    /// Begins a snapshot of `graph`, linking unchanged files from the snapshot of `before`. If the
    /// profiles are not served, a file of theirs may be missing.
    pub(super) fn create(
        site: &Path,
        graph: Graph,
        before: &Manifest,
        are_profiles_served: bool,
        place: Place,
    ) -> Result<Self, SnapshotError> {
        let scn = graph.scn();
        let building = Building::create(site)?;
        let old = site.join(before.directory_name());
        let Place {
            log_id,
            sources,
            points,
        } = place;
        let known = points.iter().rfind(|point| point.scn == scn);
        let files = link_unchanged(before, &old, &building.path, are_profiles_served)?;
        Ok(Self {
            fold: Some(Fold::create(graph, &building.path)?),
            building,
            manifest: Manifest {
                // Stated when the manifest is written.
                requires: Vec::new(),
                lineage_id: before.lineage_id,
                generation: before.generation,
                scn,
                stands_at: StandsAt::AtScn {
                    log_id,
                    scn,
                    history: known.and_then(|point| point.history),
                },
                profiles_scn: None,
                sources,
                members: 0,
                connections: 0,
                mapping_digest: before.mapping_digest.clone(),
                state_digest: None,
                files,
            },
            points,
            before: Before {
                changed: before.file(LIVE_PROFILES_NAME).cloned(),
                folder: old,
                scn: before.profiles_scn(),
            },
        })
    }

    /// Writes a piece of the graph. Returns whether more remains.
    pub(super) fn step(&mut self) -> Result<bool, SnapshotError> {
        match &mut self.fold {
            Some(fold) => Ok(fold.step()?),
            None => Ok(false),
        }
    }

    /// Returns the number of nodes written so far, and of all nodes.
    pub(super) fn progress(&self) -> (u32, u32) {
        self.fold.as_ref().map_or((0, 0), Fold::progress)
    }

    /// Writes the rest, and renames the snapshot to its name.
    ///
    /// Without `profiles`, the changed profiles of the snapshot before are linked. If the profiles
    /// are behind the graph, the manifest records their SCN: a start then reads the log after it.
    pub(super) fn finish(
        mut self,
        profiles: Option<&Published>,
    ) -> Result<(PathBuf, Manifest), SnapshotError> {
        let path = self.building.path.clone();
        if let Some(fold) = self.fold.take() {
            let folded = fold.finish()?;
            let scn = self.manifest.scn;
            let files = folded.files.into_iter().map(|file| file.at(scn));
            self.manifest.files.extend(files);
            let histories = write_histories(&path, self.manifest.lineage_id, &self.points)?;
            self.manifest.files.push(histories.at(scn));
            self.manifest.members = folded.members;
            self.manifest.connections = folded.connections;
        }
        let profiles_scn = match (profiles, self.before.changed) {
            (Some(profiles), _) => {
                // Read before the copy, which may hold later changes.
                let scn = profiles.scn();
                let known = self.points.iter().rfind(|point| point.scn == scn);
                let point = known.copied().unwrap_or_else(|| scn.into());
                self.manifest
                    .files
                    .push(profiles.copy_changed(&path, point)?);
                scn
            }
            (None, changed) => {
                let files = changed.as_slice();
                let linked = link(files, &self.before.folder, &path, false)?;
                self.manifest.files.extend(linked);
                self.before.scn
            }
        };
        self.manifest.profiles_scn = (profiles_scn < self.manifest.scn).then_some(profiles_scn);
        self.manifest.write(&path)?;
        let path = self.building.publish(&self.manifest)?;
        Ok((path, self.manifest))
    }
}

/// The directory of a snapshot that is being written. It is removed if it is dropped before its
/// rename.
struct Building {
    site: PathBuf,
    path: PathBuf,
}

impl Building {
    fn create(site: &Path) -> Result<Self, SnapshotError> {
        let path = site.join(BUILDING_NAME);
        if path.exists() {
            fs::remove_dir_all(&path).map_err(SnapshotError::io(&path))?;
        }
        fs::create_dir(&path).map_err(SnapshotError::io(&path))?;
        Ok(Self {
            site: site.to_owned(),
            path,
        })
    }

    /// Syncs the folders and renames the snapshot to its name. If a snapshot with this name
    /// exists, the start has rejected it, and this server is not on it: it is removed.
    fn publish(&self, manifest: &Manifest) -> Result<PathBuf, SnapshotError> {
        sync_folders(&self.path)?;
        let target = self.site.join(manifest.directory_name());
        if target.exists() {
            kept::remove(&target)?;
        }
        fs::rename(&self.path, &target).map_err(SnapshotError::io(&target))?;
        sync_path(&self.site)?;
        Ok(target)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // After the rename there is nothing to remove. Before it, the caller already returns an
        // error, and the next snapshot removes the directory.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Links every file that the new snapshot takes over unchanged: those of profiles and index.
fn link_unchanged(
    before: &Manifest,
    old: &Path,
    new: &Path,
    all: bool,
) -> Result<Vec<ManifestFile>, SnapshotError> {
    let is_written_anew = |name: &str| {
        [
            GRAPH_NAME,
            TIMES_NAME,
            POLICY_NAME,
            HISTORIES_NAME,
            LIVE_PROFILES_NAME,
        ]
        .contains(&name)
    };
    let unchanged = before
        .files
        .iter()
        .filter(|file| !is_written_anew(&file.name));
    link(unchanged, old, new, all)
}

/// Links files from one snapshot to another. A missing file is an error if `all` is true, and is
/// left out otherwise.
fn link<'a>(
    files: impl IntoIterator<Item = &'a ManifestFile>,
    old: &Path,
    new: &Path,
    all: bool,
) -> Result<Vec<ManifestFile>, SnapshotError> {
    let mut linked = Vec::new();
    for file in files {
        match file.link(old, new) {
            Ok(()) => linked.push(file.clone()),
            Err(error) if !all && error.is_not_found() => {
                tracing::warn!(
                    file = file.name,
                    "the snapshot goes without a file that is missing"
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(linked)
}

/// Removes the remains of snapshots that a server was writing or removing when it ended.
pub(crate) fn remove_leftovers(site: &Path) -> io::Result<()> {
    for entry in fs::read_dir(site)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_leftover = [BUILDING_PREFIX, kept::REMOVING_PREFIX]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if is_leftover && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
