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

/// See the module. Dropped before it is finished, it is removed.
pub(super) struct SnapshotWriter {
    fold: Option<Fold>,
    building: Building,
    manifest: Manifest,
}

impl SnapshotWriter {
    /// Begins a snapshot of `graph`, beside the one of `before`.
    pub(super) fn create(
        site: &Path,
        graph: Graph,
        before: &Manifest,
        log_id: LogId,
        sources: Vec<SourceMark>,
    ) -> Result<Self, SnapshotError> {
        let scn = graph.scn();
        let building = Building::create(site)?;
        let old = site.join(snapshot_name(before.scn));
        let files = link_unchanged(before, &old, &building.path)?;
        Ok(Self {
            fold: Some(Fold::create(graph, &building.path)?),
            building,
            manifest: Manifest {
                lineage_id: before.lineage_id,
                scn,
                stands_at: StandsAt::AtScn { log_id, scn },
                sources,
                members: 0,
                connections: 0,
                files,
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

    /// Writes what is left, and gives the snapshot its name. `people` must not be older than the graph.
    pub(super) fn finish(
        mut self,
        people: &Published,
    ) -> Result<(PathBuf, Manifest), SnapshotError> {
        let path = self.building.path.clone();
        if let Some(fold) = self.fold.take() {
            let folded = fold.finish()?;
            self.manifest.files.extend(folded.files);
            self.manifest.members = folded.members;
            self.manifest.connections = folded.connections;
        }
        self.manifest.files.push(people.copy_changed(&path)?);
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

/// Links every file that the new snapshot takes over as it is.
fn link_unchanged(
    before: &Manifest,
    old: &Path,
    new: &Path,
) -> Result<Vec<ManifestFile>, SnapshotError> {
    let is_written_anew = |name: &str| [GRAPH_NAME, TIMES_NAME, LIVE_PROFILES_NAME].contains(&name);
    let unchanged = before
        .files
        .iter()
        .filter(|file| !is_written_anew(&file.name));
    let unchanged: Vec<ManifestFile> = unchanged.cloned().collect();
    for ManifestFile { name, .. } in &unchanged {
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
        fs::hard_link(old.join(name), &link).map_err(SnapshotError::io(&link))?;
    }
    Ok(unchanged)
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
