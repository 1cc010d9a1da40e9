//! The profiles and the index of a site, for many readers: opens them and returns the published
//! state.

use crate::{
    index::{
        base_index::{BaseIndex, measure},
        index_error::IndexError,
        live_index::LiveIndex,
    },
    over_bounds::OverBounds,
    profile_writer::ProfileWriter,
    profiles::{
        live_profiles::{BUILDING_PROFILES_NAME, LIVE_PROFILES_NAME, LiveProfiles, mark_of},
        persistent_file::Persistence,
        profile_file::{PROFILES_NAME, ProfileFile},
        store_mark::StoreMark,
    },
    published::{Base, Published},
};
use arc_swap::ArcSwap;
use cloud_engine::{FileError, Manifest, ManifestFile, NodeIndex};
use cloud_model::{LogId, Scn};
use cloud_profile::ProfileRecord;
use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
};

/// The name of the live index's directory in the live directory.
pub const LIVE_INDEX_NAME: &str = "search";

/// Profiles and index. Cheap to clone.
#[derive(Clone)]
pub struct ProfileStore {
    pub(crate) published: Arc<ArcSwap<Published>>,
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) over_bounds: Arc<OverBounds>,
}

/// Profiles and index could not be opened: stop and repair.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing, damaged or foreign.
    #[error(transparent)]
    File(#[from] FileError),
    /// An index is missing, damaged or foreign.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl ProfileStore {
    /// Opens a snapshot's profiles and index, and the later changes in `live`, which is created if
    /// absent. `live` must be of this log.
    ///
    /// The two live stores commit one after the other, profiles first. After a crash between the
    /// two, the index catches up with the profiles. Both are then at one SCN, from which the log is
    /// replayed. An unusable live index is rebuilt from the live profiles
    /// ([`ProfileWriter::replaced_index`]).
    ///
    /// If there are no live profiles, or they are older than the snapshot, the snapshot's copy of
    /// them is used, if it has one. The other files of such a snapshot are those of the first
    /// snapshot of its lineage.
    ///
    /// # Errors
    /// If anything else is damaged, of an unknown version, or of another lineage or log; the error
    /// names it.
    pub fn open(
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
    ) -> Result<(Self, ProfileWriter), OpenError> {
        let profiles = ProfileFile::open(&snapshot.join(PROFILES_NAME), manifest.lineage_id)?;
        let index = BaseIndex::open(snapshot, manifest, &profiles)?;
        fs::create_dir_all(live).map_err(|source| FileError::Io {
            path: live.to_owned(),
            source,
        })?;
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
        let persistence = Arc::new(Persistence::default());
        let mut live_profiles = LiveProfiles::open(&path, fresh, &persistence)?;
        if live_profiles.scn() < fresh.point.scn {
            // The snapshot covers the SCNs between, and the log may have deleted them.
            drop(live_profiles);
            match copy {
                // The index catches up with it below.
                Some(copy) => take_copy(snapshot, copy, live)?,
                None => {
                    LiveIndex::remove(&index_path)?;
                    LiveProfiles::make(&path, fresh)?;
                }
            }
            live_profiles = LiveProfiles::open(&path, fresh, &persistence)?;
        }
        // An index without documents is valid before every change.
        let empty = fresh.at(Scn::BEGINNING.into());
        let live_index = LiveIndex::open(&index_path, empty)?;
        ProfileWriter::open(
            Arc::new(Base { profiles, index }),
            live_profiles,
            live_index,
            persistence,
        )
    }

    /// Returns the log that the stores in `live` follow, or `None` if there are none. Call it
    /// before they are opened.
    ///
    /// # Errors
    /// If the stores cannot be read.
    pub fn followed_log(live: &Path) -> Result<Option<LogId>, FileError> {
        let path = live.join(LIVE_PROFILES_NAME);
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        let mark = is_there.then(|| mark_of(&path)).transpose()?.flatten();
        Ok(mark.map(|mark| mark.log))
    }

    /// Returns the retry switch of the live profiles, with the error that writing currently
    /// retries.
    #[must_use]
    pub fn persistence(&self) -> &Persistence {
        &self.persistence
    }

    /// Returns the counts of the changes that had no effect, since the store was opened.
    #[must_use]
    pub fn over_bounds(&self) -> &OverBounds {
        &self.over_bounds
    }

    /// Returns the published state. A request takes its whole answer from one such object.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// Returns the SCN of profiles and index; after opening, the log is replayed from here.
    #[must_use]
    pub fn applied_scn(&self) -> Scn {
        self.published.load().scn()
    }

    /// Returns the profile of a node in the published state; `member_id` is the node's member.
    ///
    /// # Errors
    /// If the profile cannot be read or is damaged.
    pub fn profile(
        &self,
        node: NodeIndex,
        member_id: u64,
    ) -> Result<Option<ProfileRecord>, FileError> {
        self.published.load().profile(node, member_id)
    }
}

/// Copies the snapshot's live profiles into `live`, where the file appears complete or not at all.
fn take_copy(snapshot: &Path, copy: &ManifestFile, live: &Path) -> Result<(), FileError> {
    let source = snapshot.join(&copy.name);
    let (path, building) = (live.join(&copy.name), live.join(BUILDING_PROFILES_NAME));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| FileError::Io { path, source }
    };
    fs::copy(&source, &building).map_err(io(&source))?;
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
    let synced = File::open(&building).and_then(|file| file.sync_all());
    synced.map_err(io(&building))?;
    // A rename that is lost does no harm: the snapshot still has its copy.
    fs::rename(&building, &path).map_err(io(&path))
}
