//! `loader adopt`: lets a snapshot begin a new log, when its own log is lost or left behind.
//!
//! The adopted snapshot is a new one beside the first, of the next generation, so that servers
//! start from it. It has the same state at the same SCN. Its manifest names a log that does not
//! exist yet, with an id of its own: the first owner, a graph server or a relay with an empty
//! folder, creates it. The log's first window has the next SCN, and windows that the sources have
//! sent before are repeats, because their last offsets are taken over.
//!
//! Files that do not name a log are linked. The profiles that changed since the first build do, and
//! are copied. Live stores and overlays of the other log are moved aside.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use cloud_engine::{FileError, Manifest, StandsAt};
use cloud_files::{FolderLock, LockError, sync_path, sync_tree};
use cloud_model::{LogId, Scn, SourceMark};
use cloud_search::{LIVE_PROFILES_NAME, move_to_log};
use cloud_terminal::print;

use crate::{
    inspect::{Inspection, inspect, measure, snapshot_at},
    job::error::Error,
    snapshot::staging::STAGING_PREFIX,
};

/// The folder of live stores in the folder of a site.
const LIVE_NAME: &str = "live";

/// Let a copied snapshot begin a new log.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    /// A snapshot, or the folder of a site, whose newest snapshot is used.
    #[arg(long, value_name = "DIR")]
    snapshot: PathBuf,
    /// The snapshot begins a new log, under a new id. The log that it stands in is given up: its
    /// changes after the snapshot are not in the new one.
    #[arg(long, required = true)]
    new_log: bool,
}

/// A snapshot that begins a new log.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The folder of the snapshot.
    pub snapshot: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// The id of the new log.
    pub log_id: LogId,
    /// The folder with the live stores and overlays of the other log, if there were any.
    pub moved_aside: Option<PathBuf>,
}

/// Why a snapshot cannot begin a new log.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The snapshot is damaged, or cannot be read or written.
    #[error(transparent)]
    Snapshot(#[from] FileError),
    /// A file cannot be written, or the folder is in use.
    #[error(transparent)]
    File(#[from] Error),
    /// The system has no randomness for the id of the log.
    #[error("a new id: {0}")]
    Random(std::io::Error),
    /// The snapshot begins a new log already.
    #[error("{0} was built from dumps and begins a new log already: serve it with an empty folder")]
    Beginning(PathBuf),
    /// The snapshot stands at offsets of sources, which are in no log.
    #[error("{0} stands at offsets of sources, not in a log")]
    AtSourceOffsets(PathBuf),
    /// The profiles lack windows that the new log will not have.
    #[error(
        "{snapshot}: its profiles and search stand at SCN {profiles_scn}, behind its graph at SCN \
         {scn}, and only its own log holds the changes between: adopt an earlier or later snapshot"
    )]
    ProfilesBehind {
        /// The snapshot.
        snapshot: PathBuf,
        /// The SCN of its profiles.
        profiles_scn: Scn,
        /// The SCN of its graph.
        scn: Scn,
    },
}

/// Adopts the snapshot that the command line names, and prints the result.
///
/// # Errors
/// The errors of [`adopt`], and if stdout cannot be written.
pub fn run(arguments: &Arguments) -> Result<(), AdoptError> {
    Ok(print(adopt(&arguments.snapshot)?).map_err(Error::Print)?)
}

/// Makes a snapshot of the same state that begins a new log, beside the one that is named.
///
/// # Errors
/// If the snapshot is damaged or in use, or stands where no log can begin.
pub fn adopt(path: &Path) -> Result<Adopted, AdoptError> {
    let snapshot = fs::canonicalize(path).map_err(Error::file("open", path))?;
    let snapshot = snapshot_at(&snapshot)?;
    let site = snapshot.parent().unwrap_or(&snapshot).to_owned();
    let _lock = FolderLock::take(&site).map_err(|error| match error {
        LockError::InUse { .. } => Error::InUse(site.clone()),
        LockError::File { file, source } => Error::file("lock", file)(source),
    })?;
    let Inspection { manifest: old, .. } = inspect(&snapshot)?;
    let log_before = match old.stands_at {
        StandsAt::AtScn { log_id, .. } | StandsAt::NewLog { log_id, .. } => log_id,
        StandsAt::Beginning {} => return Err(AdoptError::Beginning(snapshot)),
        StandsAt::AtSourceOffsets { .. } => return Err(AdoptError::AtSourceOffsets(snapshot)),
    };
    if old.profiles_scn() != old.scn {
        return Err(AdoptError::ProfilesBehind {
            snapshot,
            profiles_scn: old.profiles_scn(),
            scn: old.scn,
        });
    }
    let log_id = databus::random_log_id().map_err(AdoptError::Random)?;
    let mut manifest = Manifest {
        generation: old.generation + 1,
        stands_at: StandsAt::NewLog {
            log_id,
            scn: old.scn,
            history: old.point().history,
        },
        ..old
    };
    let building = site.join(format!("{STAGING_PREFIX}{}", std::process::id()));
    let target = site.join(manifest.directory_name());
    write(&snapshot, &building, &mut manifest, log_id).inspect_err(|_| {
        // The error is the one to report. The next build or start removes what remains.
        let _ = fs::remove_dir_all(&building);
    })?;
    fs::rename(&building, &target).map_err(Error::file("rename", &building))?;
    sync_path(&site).map_err(Error::from)?;
    let moved_aside = move_aside(&site, log_before)?;
    Ok(Adopted {
        snapshot: target,
        manifest,
        log_id,
        moved_aside,
    })
}

/// Writes the files of the snapshot into `building`, and syncs them.
fn write(
    snapshot: &Path,
    building: &Path,
    manifest: &mut Manifest,
    log_id: LogId,
) -> Result<(), AdoptError> {
    fs::create_dir(building).map_err(Error::file("create", building))?;
    for file in &mut manifest.files {
        if file.name == LIVE_PROFILES_NAME {
            let (from, to) = (snapshot.join(&file.name), building.join(&file.name));
            fs::copy(&from, &to).map_err(Error::file("copy", &from))?;
            move_to_log(&to, log_id)?;
            (file.bytes, file.crc32c) = measure(&to).map_err(Error::file("read", &to))?;
        } else {
            file.link(snapshot, building)?;
        }
    }
    manifest.write(building)?;
    Ok(sync_tree(building).map_err(Error::from)?)
}

/// Moves the live stores and the overlays of the other log into a folder of that log's name.
fn move_aside(site: &Path, log_before: LogId) -> Result<Option<PathBuf>, Error> {
    let aside = site.join(format!("replaced-{log_before}"));
    let mut is_used = false;
    for entry in fs::read_dir(site).map_err(Error::file("read", site))? {
        let path = entry.map_err(Error::file("read", site))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_overlay = name.starts_with("overlay-") && name.ends_with(".bin");
        if name != LIVE_NAME && !is_overlay {
            continue;
        }
        fs::create_dir_all(&aside).map_err(Error::file("create", &aside))?;
        let to = aside.join(&*name);
        if to.is_dir() {
            fs::remove_dir_all(&to).map_err(Error::file("remove", &to))?;
        }
        fs::rename(&path, &to).map_err(Error::file("move", &path))?;
        is_used = true;
    }
    sync_path(site)?;
    Ok(is_used.then_some(aside))
}

impl fmt::Display for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (manifest, scn) = (&self.manifest, self.manifest.scn);
        writeln!(f, "snapshot     {}", self.snapshot.display())?;
        writeln!(f, "lineage      {}", manifest.lineage_id)?;
        writeln!(
            f,
            "stands at    SCN {scn}, where the new log {} begins",
            self.log_id
        )?;
        for SourceMark {
            source_id, offset, ..
        } in &manifest.sources
        {
            writeln!(f, "source       {source_id} goes on after offset {offset}")?;
        }
        if let Some(aside) = &self.moved_aside {
            let aside = aside.display();
            writeln!(f, "moved        what followed the other log, to {aside}")?;
        }
        writeln!(
            f,
            "next         start the log's owner with this folder of snapshots and an empty --log"
        )
    }
}
