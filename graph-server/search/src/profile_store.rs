//! The profiles and the index of a site, for many readers: opens them and returns the published
//! state.

use crate::{
    index::base_index::BaseIndex,
    key_conflicts::KeyConflicts,
    live_stores::{LiveStores, set_profiles_aside},
    over_bounds::OverBounds,
    profile_writer::ProfileWriter,
    profiles::{
        live_profiles::{LIVE_PROFILES_NAME, mark_of},
        persistent_file::Persistence,
        profile_file::{PROFILES_NAME, ProfileFile},
    },
    published::{Base, Published},
    store_error::OpenError,
};
use arc_swap::ArcSwap;
use cloud_engine::{FileError, Manifest, NodeIndex};
use cloud_model::{LogId, Scn};
use cloud_profile::ProfileRecord;
use std::{fs, path::Path, sync::Arc};

/// Profiles and index. Cheap to clone.
#[derive(Clone)]
pub struct ProfileStore {
    pub(crate) published: Arc<ArcSwap<Published>>,
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) over_bounds: Arc<OverBounds>,
    pub(crate) key_conflicts: Arc<KeyConflicts>,
}

impl ProfileStore {
    /// Opens a snapshot's profiles and index, and the later changes in `live`, which is created if
    /// absent. `live` must be of this log.
    ///
    /// The two live stores commit one after the other, profiles first. After a crash between the
    /// two, the index catches up with the profiles. Both are then at one SCN, from which the log is
    /// replayed. Live stores that are damaged are replaced ([`ProfileWriter::replaced`]).
    ///
    /// If there are no live profiles, or they are older than the snapshot, the snapshot's copy of
    /// them is used, if it has one. The other files of such a snapshot are those of the first
    /// snapshot of its lineage.
    ///
    /// # Errors
    /// If a file of the snapshot is damaged, or anything is of an unknown version, or of another
    /// lineage or log; the error names it.
    pub fn open(
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
    ) -> Result<(Self, ProfileWriter), OpenError> {
        let profiles = ProfileFile::open(&snapshot.join(PROFILES_NAME), manifest.lineage_id)?;
        let index = BaseIndex::open(snapshot, manifest, &profiles)?;
        let base = Arc::new(Base { profiles, index });
        let persistence = Arc::new(Persistence::default());
        let stores = LiveStores::open(snapshot, manifest, live, log, &persistence)?;
        ProfileWriter::open(base, stores, persistence)
    }

    /// Makes the live stores again from a snapshot, after their writer was
    /// [abandoned](ProfileWriter::abandon), for a writer that replaces it. The snapshot must be of
    /// the same lineage. The live profiles are set aside. Readers keep what is published, until the
    /// new writer has reached it ([`ProfileWriter::is_current`]).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_again(
        &self,
        snapshot: &Path,
        manifest: &Manifest,
        live: &Path,
        log: LogId,
    ) -> Result<ProfileWriter, OpenError> {
        self.persistence.give_up();
        // Readers still have the file open, and a second handle on it would be refused.
        set_profiles_aside(live)?;
        let stores = LiveStores::open(snapshot, manifest, live, log, &self.persistence)?;
        ProfileWriter::replacing(self, stores)
    }

    /// Renames the live profiles, so that the next open replaces them.
    ///
    /// # Errors
    /// If they cannot be renamed.
    pub fn set_aside(live: &Path) -> Result<(), FileError> {
        set_profiles_aside(live)
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

    /// Returns the counts of the changes over a bound, which had no effect, since the store was
    /// opened.
    #[must_use]
    pub fn over_bounds(&self) -> &OverBounds {
        &self.over_bounds
    }

    /// Returns the upserts with another key than the member's, which had no effect, since the store
    /// was opened.
    #[must_use]
    pub fn key_conflicts(&self) -> &KeyConflicts {
        &self.key_conflicts
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
