//! The stores under `live/`: the profiles that changed since the snapshot, and their index, both at
//! one SCN.
//!
//! Everything in them can be made again: the index from the live profiles, and those from the
//! snapshot's copy and the log. A store that is damaged is therefore replaced. The damaged profiles
//! stay beside the new ones, under another name, until they are replaced again.

use crate::{
    index::{
        base_index::measure,
        live_index::{LIVE_INDEX_NAME, LiveIndex},
    },
    profiles::{
        live_profiles::{
            BUILDING_PROFILES_NAME, LIVE_PROFILES_NAME, LiveProfiles, LiveProfilesReader,
        },
        persistent_file::Persistence,
        store_mark::StoreMark,
    },
    store_error::{ApplyError, OpenError},
};
use cloud_engine::{FileError, Manifest, ManifestFile};
use cloud_files::{open_plain, remove_any};
use cloud_model::{LogId, Scn};
use roaring::RoaringBitmap;
use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

/// The name of live profiles that were damaged, and were replaced.
const DAMAGED_PROFILES_NAME: &str = "damaged-profiles.redb";

/// The open stores.
pub(crate) struct LiveStores {
    pub(crate) profiles: LiveProfiles,
    pub(crate) index: LiveIndex,
    /// The profiles as of their last commit.
    pub(crate) committed: Arc<LiveProfilesReader>,
    /// The nodes that have a record in the live profiles.
    pub(crate) superseded: RoaringBitmap,
    /// The damage for which the profiles were replaced.
    pub(crate) replaced: Option<OpenError>,
}

impl LiveStores {
    /// Opens the stores in `live`, which is created if it is missing, and brings both to one SCN.
    /// Damaged stores are replaced: the profiles by the snapshot's copy of them, if it has one.
    pub(crate) fn open(
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
        persistence: &Arc<Persistence>,
    ) -> Result<Self, OpenError> {
        let open = || Self::open_found(snapshot, manifest, live, log, persistence);
        match open() {
            Err(OpenError::File(error)) if error.is_damage() && error.path().starts_with(live) => {
                set_profiles_aside(live)?;
                let replaced = Some(OpenError::File(error));
                Ok(Self {
                    replaced,
                    ..open()?
                })
            }
            opened => opened,
        }
    }

    fn open_found(
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
        persistence: &Arc<Persistence>,
    ) -> Result<Self, OpenError> {
        make_folder(live)?;
        let fresh = StoreMark {
            lineage: manifest.lineage_id,
            log,
            point: manifest.profiles_point(),
        };
        let (path, index_path) = (live.join(LIVE_PROFILES_NAME), live.join(LIVE_INDEX_NAME));
        let copy = manifest.file(LIVE_PROFILES_NAME);
        // An empty file would pass for a store without changes.
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        if let Some(copy) = copy.filter(|_| !is_there) {
            take_copy(snapshot, copy, live)?;
        }
        let mut profiles = LiveProfiles::open(&path, fresh, persistence)?;
        if profiles.scn() < fresh.point.scn {
            // The snapshot covers the SCNs between, and the log may have deleted them.
            drop(profiles);
            match copy {
                // The index catches up with it below.
                Some(copy) => take_copy(snapshot, copy, live)?,
                None => {
                    LiveIndex::remove(&index_path)?;
                    LiveProfiles::make(&path, fresh)?;
                }
            }
            profiles = LiveProfiles::open(&path, fresh, persistence)?;
        }
        // An index without documents is valid before every change.
        let mut index = LiveIndex::open(&index_path, fresh.at(Scn::BEGINNING.into()))?;
        let committed = Arc::new(profiles.reader()?);
        let superseded = catch_up(&profiles, &committed, &mut index)?;
        Ok(Self {
            profiles,
            index,
            committed,
            superseded,
            replaced: None,
        })
    }
}

/// Renames the live profiles, so that the next open replaces them.
pub(crate) fn set_profiles_aside(live: &Path) -> Result<(), FileError> {
    let (path, aside) = (
        live.join(LIVE_PROFILES_NAME),
        live.join(DAMAGED_PROFILES_NAME),
    );
    remove_any(&aside).map_err(file_error(&aside))?;
    match fs::rename(&path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(&path)(error)),
        _ => Ok(()),
    }
}

/// Creates the folder. Anything else that has its name is removed.
fn make_folder(live: &Path) -> Result<(), FileError> {
    if !live.is_dir() {
        remove_any(live).map_err(file_error(live))?;
    }
    fs::create_dir_all(live).map_err(file_error(live))
}

/// Brings the index to the SCN of the profiles, and returns the nodes that have a record in the
/// live profiles. Reads each of these records.
pub(crate) fn catch_up(
    live_profiles: &LiveProfiles,
    reader: &LiveProfilesReader,
    live_index: &mut LiveIndex,
) -> Result<RoaringBitmap, ApplyError> {
    let (profiles_at, index_at) = (live_profiles.scn(), live_index.scn());
    let is_of_other_windows = live_index.point().differs(&live_profiles.point());
    let from_nothing = index_at > profiles_at || is_of_other_windows;
    let mut superseded = RoaringBitmap::new();
    let mut behind = Vec::new();
    for record in reader.records()? {
        let (node, record) = record?;
        superseded.insert(node.get());
        if from_nothing || record.scn > index_at {
            behind.push((node, record.profile));
        }
    }
    if from_nothing {
        // The profiles are older than the index, or of other windows: they were restored from
        // elsewhere. The log is read from their SCN.
        live_index.clear()?;
    }
    if from_nothing || index_at != profiles_at {
        live_index.commit(
            live_profiles.point(),
            behind
                .iter()
                .map(|(node, profile)| (*node, profile.as_ref())),
        )?;
    }
    Ok(superseded)
}

/// Copies the snapshot's live profiles into `live`, where the file appears complete or not at all.
fn take_copy(snapshot: &Path, copy: &ManifestFile, live: &Path) -> Result<(), FileError> {
    let source = snapshot.join(&copy.name);
    let (path, building) = (live.join(&copy.name), live.join(BUILDING_PROFILES_NAME));
    remove_any(&building).map_err(file_error(&building))?;
    let mut from = open_plain(&source).map_err(file_error(&source))?;
    let mut to = File::create_new(&building).map_err(file_error(&building))?;
    io::copy(&mut from, &mut to).map_err(file_error(&building))?;
    let (bytes, crc32c) = measure(&building)?;
    if (bytes, crc32c) != (copy.bytes, copy.crc32c) {
        return Err(FileError::Damaged {
            path: source,
            offset: 0,
            reason: format!(
                "{bytes} bytes with checksum {crc32c:08x}, in the manifest {} and {:08x}",
                copy.bytes, copy.crc32c
            ),
        });
    }
    to.sync_all().map_err(file_error(&building))?;
    // A rename that is lost does no harm: the snapshot still has its copy.
    fs::rename(&building, &path).map_err(file_error(&path))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Io {
        path: path.to_owned(),
        source,
    }
}
