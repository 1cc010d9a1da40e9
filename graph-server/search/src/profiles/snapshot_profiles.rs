//! The profiles of a snapshot that no server runs on: those of the base, and those that changed
//! since.
//!
//! Nothing is written, so a snapshot on a read-only disk can be read.

use crate::profiles::{
    live_profiles::{LIVE_PROFILES_NAME, LiveProfilesReader},
    profile_file::{PROFILES_NAME, ProfileFile},
};
use cloud_engine::{FileError, Manifest, NodeIndex};
use cloud_profile::ProfileRecord;
use std::path::Path;

/// The profiles of a snapshot.
pub struct SnapshotProfiles {
    base: ProfileFile,
    changed: Option<LiveProfilesReader>,
}

impl SnapshotProfiles {
    /// Opens the files of a snapshot's profiles.
    ///
    /// # Errors
    /// If a file is damaged, of an unknown version, or of another lineage; the error names it.
    pub fn open(snapshot: &Path, manifest: &Manifest) -> Result<Self, FileError> {
        let base = ProfileFile::open(&snapshot.join(PROFILES_NAME), manifest.lineage_id)?;
        let changed = manifest.file(LIVE_PROFILES_NAME);
        let changed =
            changed.map(|file| LiveProfilesReader::of_snapshot(&snapshot.join(&file.name)));
        Ok(Self {
            base,
            changed: changed.transpose()?,
        })
    }

    /// Returns whether no member was ever given a profile.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.base.silent_nodes().is_some() && self.changed.is_none()
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
        let changed = self.changed.as_ref();
        match changed
            .map(|changed| changed.get(node))
            .transpose()?
            .flatten()
        {
            Some(record) => Ok(record.profile),
            None => self.base.profile(node, member_id),
        }
    }
}
