//! What readers hold: profiles and index as of one commit, true from there up to an SCN that only grows.
//!
//! Everything in it is immutable but that SCN: as long as no profile changes, what was published stays true while the graph
//! goes on, and no new object need be made.

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
use cloud_engine::{FileError, ManifestFile, NodeIndex};
use cloud_model::Scn;
use cloud_proto::cloud::v1::Profile;
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
    /// Nodes of which the base is no longer right.
    pub(crate) superseded: RoaringBitmap,
    from: Scn,
    through: AtomicU64,
}

/// What the snapshot holds.
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

    /// The newest SCN at which this is known to be true. Never goes back.
    #[must_use]
    pub fn scn(&self) -> Scn {
        Scn::new(self.through.load(Ordering::Acquire))
    }

    /// Whether this is true at an SCN.
    #[must_use]
    pub fn holds_at(&self, scn: Scn) -> bool {
        (self.from..=self.scn()).contains(&scn)
    }

    /// The profile of a node, whose member is `member_id`; `None` for one that does not exist.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn profile(&self, node: NodeIndex, member_id: u64) -> Result<Option<Profile>, FileError> {
        match self.live_profiles.get(node)? {
            Some(record) => Ok(record.profile),
            None => self.base.profiles.profile(node, member_id),
        }
    }

    /// Writes the profiles that changed since the snapshot into the directory of a new one, and syncs the file (not the directory):
    /// [`People::open`](crate::People::open) takes it where there is nothing newer. True at [`scn`](Self::scn).
    ///
    /// # Errors
    /// When a profile cannot be read, or the file not written.
    pub fn copy_changed(&self, snapshot: &Path) -> Result<ManifestFile, FileError> {
        let path = snapshot.join(LIVE_PROFILES_NAME);
        self.live_profiles.copy(&path, self.scn())?;
        let (bytes, crc32c) = measure(&path)?;
        Ok(ManifestFile {
            name: LIVE_PROFILES_NAME.to_owned(),
            bytes,
            crc32c,
        })
    }

    pub(crate) fn extend(&self, scn: Scn) {
        self.through.fetch_max(scn.get(), Ordering::AcqRel);
    }
}
