//! Profiles and index of a site, for many readers: opening them, and asking for what is published.

use crate::{
    index::{
        base_index::{BaseIndex, measure},
        index_error::IndexError,
        live_index::LiveIndex,
    },
    people_writer::PeopleWriter,
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
use cloud_proto::cloud::v1::Profile;
use std::{
    fs::{self, File},
    path::Path,
    sync::Arc,
};

/// The live index's directory below the live directory.
pub const LIVE_INDEX_NAME: &str = "search";

/// Profiles and index. Cheap to clone.
#[derive(Clone)]
pub struct People {
    pub(crate) published: Arc<ArcSwap<Published>>,
    pub(crate) persistence: Arc<Persistence>,
}

/// Profiles and index could not be opened: stop and repair.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing, damaged or foreign.
    #[error(transparent)]
    File(#[from] FileError),
    /// An index is.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl People {
    /// Opens a snapshot's profiles and index, and what changed since in `live` (made if absent), which must be of this log.
    ///
    /// The two live stores commit one after the other, profiles first. If a crash came between, the index is brought to where
    /// the profiles are, so that both stand at one SCN, from which the log is replayed. A live index that cannot be used is
    /// made anew from the live profiles ([`PeopleWriter::replaced_index`]). Where there are no live profiles, or they are older than
    /// the snapshot, its copy of them is taken, if it has one: the snapshot's other files are as its first one's were.
    ///
    /// # Errors
    /// Anything else that is damaged, of an unknown version, or of another lineage or log, by name.
    pub fn open(
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
    ) -> Result<(Self, PeopleWriter), OpenError> {
        let profiles = ProfileFile::open(&snapshot.join(PROFILES_NAME), manifest.lineage_id)?;
        let index = BaseIndex::open(snapshot, manifest, &profiles)?;
        fs::create_dir_all(live).map_err(|source| FileError::Io {
            path: live.to_owned(),
            source,
        })?;
        let fresh = StoreMark {
            lineage: manifest.lineage_id,
            log,
            scn: manifest.scn,
        };
        let (path, index_path) = (live.join(LIVE_PROFILES_NAME), live.join(LIVE_INDEX_NAME));
        let copy = manifest.file(LIVE_PROFILES_NAME);
        // An empty file would be taken for a store in which nothing has changed.
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        if let Some(copy) = copy.filter(|_| !is_there) {
            take_copy(snapshot, copy, live)?;
        }
        let persistence = Arc::new(Persistence::default());
        let mut live_profiles = LiveProfiles::open(&path, fresh, &persistence)?;
        if live_profiles.scn() < fresh.scn {
            // What lies between stands in the snapshot, and the log may have let go of it.
            drop(live_profiles);
            match copy {
                // What the index lacks of it is added below.
                Some(copy) => take_copy(snapshot, copy, live)?,
                None => {
                    LiveIndex::remove(&index_path)?;
                    LiveProfiles::make(&path, fresh)?;
                }
            }
            live_profiles = LiveProfiles::open(&path, fresh, &persistence)?;
        }
        // An index without a document is true before every change.
        let empty = fresh.at(Scn::BEGINNING);
        let live_index = LiveIndex::open(&index_path, empty)?;
        PeopleWriter::open(
            Arc::new(Base { profiles, index }),
            live_profiles,
            live_index,
            persistence,
        )
    }

    /// The log that the stores below `live` follow; none when there are none. To be asked before they are opened.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn followed_log(live: &Path) -> Result<Option<LogId>, FileError> {
        let path = live.join(LIVE_PROFILES_NAME);
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() > 0);
        let mark = is_there.then(|| mark_of(&path)).transpose()?.flatten();
        Ok(mark.map(|mark| mark.log))
    }

    /// Whether writing goes on, and whether to go on trying.
    #[must_use]
    pub fn persistence(&self) -> &Persistence {
        &self.persistence
    }

    /// What is published now. Everything that a request answers comes from one such object.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// How far profiles and index are: right after opening, the log is to be replayed above it.
    #[must_use]
    pub fn applied_scn(&self) -> Scn {
        self.published.load().scn()
    }

    /// The profile of a node in what is published now; `member_id` is its member.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn profile(&self, node: NodeIndex, member_id: u64) -> Result<Option<Profile>, FileError> {
        self.published.load().profile(node, member_id)
    }
}

/// Puts the snapshot's copy of the live profiles into `live`, where it appears whole or not at all.
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
    // A name that is lost again is no loss: the copy is still there.
    fs::rename(&building, &path).map_err(io(&path))
}
