//! The state that readers load: profiles and index as of one commit, valid from there to an SCN
//! that only grows.
//!
//! All of it is immutable but that SCN. While no profile changes, the published state stays valid
//! as the graph advances, and no new object is needed.

use crate::{
    index::{
        base_index::{BaseIndex, measure},
        live_index::LiveSegment,
    },
    profiles::{
        live_profiles::{LIVE_PROFILES_NAME, LiveProfilesReader},
        profile_file::ProfileFile,
    },
};
use cloud_engine::{FileError, FileRole, ManifestFile, NodeIndex};
use cloud_model::{LogPoint, Scn};
use cloud_profile::ProfileRecord;
use roaring::RoaringBitmap;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Profiles and index as of one commit.
pub struct Published {
    pub(crate) base: Arc<Base>,
    pub(crate) live_segments: Arc<[LiveSegment]>,
    live_profiles: Arc<LiveProfilesReader>,
    /// The nodes whose data in the base is out of date.
    pub(crate) superseded: RoaringBitmap,
    from: Scn,
    through: AtomicU64,
}

/// The profiles and the index of the snapshot.
pub(crate) struct Base {
    pub(crate) profiles: ProfileFile,
    pub(crate) index: BaseIndex,
}

impl Published {
    pub(crate) fn new(
        base: Arc<Base>,
        live_segments: Arc<[LiveSegment]>,
        live_profiles: Arc<LiveProfilesReader>,
        superseded: RoaringBitmap,
        scn: Scn,
    ) -> Self {
        let through = AtomicU64::new(scn.get());
        Self {
            base,
            live_segments,
            live_profiles,
            superseded,
            from: scn,
            through,
        }
    }

    /// Returns the newest SCN at which this state is known to be valid. It never decreases.
    #[must_use]
    pub fn scn(&self) -> Scn {
        Scn::new(self.through.load(Ordering::Acquire))
    }

    /// Returns whether this state is valid at `scn`.
    #[must_use]
    pub fn holds_at(&self, scn: Scn) -> bool {
        (self.from..=self.scn()).contains(&scn)
    }

    /// Returns the profile of a node, or `None` if the node does not exist; `member_id` is its
    /// member.
    ///
    /// # Errors
    /// If the profile cannot be read or is damaged.
    pub fn profile(
        &self,
        node: NodeIndex,
        member_id: u64,
    ) -> Result<Option<ProfileRecord>, FileError> {
        match self.live_profiles.get(node)? {
            Some(record) => Ok(record.profile),
            None => self.base.profiles.profile(node, member_id),
        }
    }

    /// Returns the size of the stored profile of a node, in bytes; 0 if none is stored. It costs
    /// less than reading the profile.
    ///
    /// # Errors
    /// If the size cannot be read.
    pub fn profile_bytes(&self, node: NodeIndex) -> Result<u64, FileError> {
        match self.live_profiles.record_bytes(node)? {
            Some(bytes) => Ok(bytes),
            None => self.base.profiles.record_bytes(node),
        }
    }

    /// Writes the profiles that changed since the snapshot into the directory of a new one. Syncs
    /// the file, but not the directory. The file is valid at `point`, which this state holds at;
    /// [`ProfileStore::open`](crate::ProfileStore::open) reads it where there is no newer one.
    ///
    /// # Errors
    /// If a profile cannot be read, or the file cannot be written.
    pub fn copy_changed(
        &self,
        snapshot: &Path,
        point: impl Into<LogPoint>,
    ) -> Result<ManifestFile, FileError> {
        let point = point.into();
        let path = snapshot.join(LIVE_PROFILES_NAME);
        self.live_profiles.copy(&path, point)?;
        let (bytes, crc32c) = measure(&path)?;
        let name = LIVE_PROFILES_NAME.to_owned();
        let file = ManifestFile::new(FileRole::LiveProfiles, name, bytes, crc32c);
        Ok(file.at(point.scn))
    }

    pub(crate) fn extend(&self, scn: Scn) {
        self.through.fetch_max(scn.get(), Ordering::AcqRel);
    }
}
