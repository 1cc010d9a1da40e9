//! A snapshot in the making: the graph written anew, what never changes linked, the profiles that changed copied.
//!
//! It appears by a rename, after everything in it has been synced, as the loader's does: a server that ends at any point leaves
//! a `.building-*` directory that nothing opens and that the next start removes.

use super::kept;
use cloud_engine::{
    FileError, Fold, GRAPH_NAME, Graph, Manifest, ManifestFile, StandsAt, TIMES_NAME, snapshot_name,
};
use cloud_model::{LogId, Scn, SourceMark};
use cloud_search::{LIVE_PROFILES_NAME, Published};
use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

/// What is no snapshot yet, or no more.
const BUILDING_NAME: &str = ".building-snapshot";
const BUILDING_PREFIX: &str = ".building-";

/// A snapshot was not written. The one before is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    /// The server ends.
    #[error("the server ends")]
    Stopped,
    /// A file cannot be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A name in the manifest leads out of the snapshot.
    #[error("the manifest names {name:?}, which is no file of a snapshot")]
    Name { name: String },
}

impl SnapshotError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// A snapshot that is being written. Dropped before it is finished, it is removed.
pub(super) struct SnapshotWriter {
    fold: Option<Fold>,
    building: Building,
    manifest: Manifest,
    before: Before,
}

/// The profiles of the snapshot before.
struct Before {
    folder: PathBuf,
    changed: Option<ManifestFile>,
    scn: Scn,
}

impl SnapshotWriter {
    /// Begins a snapshot of `graph`, beside the one of `before`. Where profiles are not `served`, a
    /// file of theirs may be missing.
    pub(super) fn create(
        site: &Path,
        graph: Graph,
        before: &Manifest,
        are_profiles_served: bool,
        log_id: LogId,
        sources: Vec<SourceMark>,
    ) -> Result<Self, SnapshotError> {
        let scn = graph.scn();
        let building = Building::create(site)?;
        let old = site.join(snapshot_name(before.scn));
        let files = link_unchanged(before, &old, &building.path, are_profiles_served)?;
        Ok(Self {
            fold: Some(Fold::create(graph, &building.path)?),
            building,
            manifest: Manifest {
                lineage_id: before.lineage_id,
                scn,
                stands_at: StandsAt::AtScn { log_id, scn },
                profiles_scn: None,
                sources,
                members: 0,
                connections: 0,
                files,
            },
            before: Before {
                changed: before.file(LIVE_PROFILES_NAME).cloned(),
                folder: old,
                scn: before.profiles_scn(),
            },
        })
    }

    /// A piece of the graph; answers whether there is more.
    pub(super) fn step(&mut self) -> Result<bool, SnapshotError> {
        match &mut self.fold {
            Some(fold) => Ok(fold.step()?),
            None => Ok(false),
        }
    }

    /// Nodes that are written, and all.
    pub(super) fn progress(&self) -> (u32, u32) {
        self.fold.as_ref().map_or((0, 0), Fold::progress)
    }

    /// Writes what is left, and gives the snapshot its name. Without profiles, or with such that
    /// are behind the graph, it says so: a start then reads the log after the profiles' SCN.
    /// Without any it takes over those of the snapshot before.
    pub(super) fn finish(
        mut self,
        profiles: Option<&Published>,
    ) -> Result<(PathBuf, Manifest), SnapshotError> {
        let path = self.building.path.clone();
        if let Some(fold) = self.fold.take() {
            let folded = fold.finish()?;
            self.manifest.files.extend(folded.files);
            self.manifest.members = folded.members;
            self.manifest.connections = folded.connections;
        }
        let profiles_scn = match (profiles, self.before.changed) {
            (Some(profiles), _) => {
                // Before the copy, which may be true further than this.
                let scn = profiles.scn();
                self.manifest.files.push(profiles.copy_changed(&path)?);
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
        let path = self.building.publish(self.manifest.scn)?;
        Ok((path, self.manifest))
    }
}

/// The directory until it has its name.
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

    /// Syncs the directories and gives the snapshot its name. What may stand there has been refused: nobody is at this SCN.
    fn publish(&self, scn: Scn) -> Result<PathBuf, SnapshotError> {
        sync_folders(&self.path)?;
        let target = self.site.join(snapshot_name(scn));
        if target.exists() {
            kept::remove(&target)?;
        }
        fs::rename(&self.path, &target).map_err(SnapshotError::io(&target))?;
        sync(&self.site)?;
        Ok(target)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // It has its name, or the error that brought us here is the one to report: the next one removes it.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Links every file that the new snapshot takes over as it is: those of profiles and index.
fn link_unchanged(
    before: &Manifest,
    old: &Path,
    new: &Path,
    all: bool,
) -> Result<Vec<ManifestFile>, SnapshotError> {
    let is_written_anew = |name: &str| [GRAPH_NAME, TIMES_NAME, LIVE_PROFILES_NAME].contains(&name);
    let unchanged = before
        .files
        .iter()
        .filter(|file| !is_written_anew(&file.name));
    link(unchanged, old, new, all)
}

/// Links files from one snapshot to another. Unless `all` must be there, one that is missing is
/// left out.
fn link<'a>(
    files: impl IntoIterator<Item = &'a ManifestFile>,
    old: &Path,
    new: &Path,
    all: bool,
) -> Result<Vec<ManifestFile>, SnapshotError> {
    let mut linked = Vec::new();
    for file in files {
        let name = &file.name;
        let below = Path::new(name).components();
        if !below
            .into_iter()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(SnapshotError::Name { name: name.clone() });
        }
        let link = new.join(name);
        if let Some(folder) = link.parent() {
            fs::create_dir_all(folder).map_err(SnapshotError::io(folder))?;
        }
        match fs::hard_link(old.join(name), &link) {
            Ok(()) => linked.push(file.clone()),
            Err(error) if !all && error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(
                    file = name,
                    "the snapshot goes without a file that is missing"
                );
            }
            Err(error) => return Err(SnapshotError::io(&link)(error)),
        }
    }
    Ok(linked)
}

fn sync_folders(folder: &Path) -> Result<(), SnapshotError> {
    for entry in fs::read_dir(folder).map_err(SnapshotError::io(folder))? {
        let path = entry.map_err(SnapshotError::io(folder))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync(folder)
}

fn sync(folder: &Path) -> Result<(), SnapshotError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(SnapshotError::io(folder))
}

/// Removes what a server that ended early has left of snapshots that it was writing or removing.
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
