//! The writer of profiles and index: merges changes as they come, and publishes them with a commit.

use crate::{
    index::{index_error::IndexError, live_index::LiveIndex},
    profile_change::ProfileChange,
    profile_store::{OpenError, ProfileStore},
    profiles::{
        live_profiles::{LiveProfiles, LiveProfilesReader, LiveRecord},
        persistent_file::Persistence,
    },
    published::{Base, Published},
};
use arc_swap::ArcSwap;
use cloud_engine::{FileError, NodeIndex};
use cloud_model::{LogPoint, Scn};
use cloud_profile::{
    Bound, ProfileRecord, empty_profile, remove_position, upsert_member, upsert_position,
};
use roaring::RoaringBitmap;
use std::{collections::BTreeMap, io::ErrorKind, sync::Arc};

/// The one writer of profiles and index.
pub struct ProfileWriter {
    store: ProfileStore,
    base: Arc<Base>,
    live_profiles: LiveProfiles,
    live_index: LiveIndex,
    /// The live profiles as of the last commit.
    committed: Arc<LiveProfilesReader>,
    /// The profiles changed since the last commit.
    pending: BTreeMap<NodeIndex, LiveRecord>,
    /// The nodes that have a record in the live profiles.
    superseded: RoaringBitmap,
    applied: LogPoint,
}

/// Why changes could not be applied or committed: stop and repair. Nothing of the window was taken.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A profile could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl ApplyError {
    /// Returns whether another attempt would fail too: a file is not what was written, or a store
    /// has closed itself after an error.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::File(FileError::Io { source, .. }) => source.kind() == ErrorKind::Other,
            Self::File(_) => true,
            Self::Index(error) => error.is_damage(),
        }
    }
}

impl ProfileWriter {
    pub(crate) fn open(
        base: Arc<Base>,
        live_profiles: LiveProfiles,
        mut live_index: LiveIndex,
        persistence: Arc<Persistence>,
    ) -> Result<(ProfileStore, Self), OpenError> {
        let committed = Arc::new(live_profiles.reader()?);
        let superseded = catch_up(&live_profiles, &committed, &mut live_index)?;
        let applied = live_profiles.point();
        let published = Published::new(
            Arc::clone(&base),
            live_index.segments()?,
            Arc::clone(&committed),
            superseded.clone(),
            applied.scn,
        );
        persistence.retry();
        let store = ProfileStore {
            published: Arc::new(ArcSwap::from_pointee(published)),
            persistence,
            over_bounds: Arc::default(),
        };
        let pending = BTreeMap::new();
        let writer = Self {
            store: store.clone(),
            base,
            live_profiles,
            live_index,
            committed,
            pending,
            superseded,
            applied,
        };
        Ok((store, writer))
    }

    /// Merges a window's changes into the next commit. Skips a window at or below the applied SCN.
    /// If no changes wait for a commit, a window without changes is published at once.
    ///
    /// If a profile cannot be read. Nothing of the window is then taken.
    pub fn apply(
        &mut self,
        point: impl Into<LogPoint>,
        changes: Vec<ProfileChange>,
    ) -> Result<(), ApplyError> {
        let point = point.into();
        let scn = point.scn;
        if scn <= self.applied.scn {
            return Ok(());
        }
        let mut read = self.read(&changes)?;
        for change in changes {
            let node = change.node();
            if let Some(profile) = read.remove(&node) {
                self.pending.insert(node, LiveRecord { scn, profile });
            }
            // A member who exists, and is neither read nor changed, needs no record.
            let Some(record) = self.pending.get_mut(&node) else {
                continue;
            };
            record.scn = scn;
            if let Err(bound) = apply(&mut record.profile, change) {
                self.store.over_bounds.count(bound);
            }
        }
        self.advance(point);
        Ok(())
    }

    /// Returns the point up to which every window was applied.
    #[must_use]
    pub fn applied(&self) -> LogPoint {
        self.applied
    }

    /// Returns the committed profiles of the nodes that the changes need, and that do not wait for
    /// a commit. Reading them all first keeps a window whole: applying the changes cannot fail.
    fn read(
        &self,
        changes: &[ProfileChange],
    ) -> Result<BTreeMap<NodeIndex, Option<ProfileRecord>>, FileError> {
        let mut read = BTreeMap::new();
        for change in changes {
            let node = change.node();
            let is_known = read.contains_key(&node) || self.pending.contains_key(&node);
            let creates = matches!(change, ProfileChange::MemberCreated { .. });
            if is_known || (creates && self.exists(node)?) {
                continue;
            }
            read.insert(node, self.committed(node, change.member_id().get())?);
        }
        Ok(read)
    }

    /// Returns whether changes wait for a commit.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns the damage of the live index, if it had to be rebuilt from the live profiles.
    #[must_use]
    pub fn replaced_index(&self) -> Option<&IndexError> {
        self.live_index.replaced()
    }

    /// Records that every window up to this point was applied. If no changes wait for a commit, the
    /// published state becomes valid there too.
    pub fn advance(&mut self, point: LogPoint) {
        if point.scn >= self.applied.scn {
            self.applied = point;
        }
        if self.pending.is_empty() {
            self.store.published.load().extend(self.applied.scn);
        }
    }

    /// Writes and publishes the waiting changes, valid at `through`: every window up to there was
    /// applied. When this returns, the profiles are durable, and the index can be rebuilt from
    /// them. Without waiting changes, it still makes the stores' SCN durable.
    ///
    /// If a store cannot be written. The changes then go on waiting.
    pub fn commit(&mut self, through: impl Into<LogPoint>) -> Result<(), ApplyError> {
        let point = match through.into() {
            through if through.scn >= self.applied.scn => through,
            _ => self.applied,
        };
        let scn = point.scn;
        if self.live_profiles.scn() < scn || !self.pending.is_empty() {
            self.live_profiles.commit(point, &self.pending)?;
        }
        if self.live_index.scn() < scn || !self.pending.is_empty() {
            let changed = self
                .pending
                .iter()
                .map(|(&node, record)| (node, record.profile.as_ref()));
            self.live_index.commit(point, changed)?;
        }
        if !self.pending.is_empty() {
            self.publish(scn)?;
        }
        self.advance(point);
        Ok(())
    }

    /// Commits and closes the files.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn close(mut self, through: impl Into<LogPoint>) -> Result<(), ApplyError> {
        self.commit(through)?;
        Ok(self.live_index.close()?)
    }

    fn publish(&mut self, scn: Scn) -> Result<(), ApplyError> {
        let committed = Arc::new(self.live_profiles.reader()?);
        let segments = self.live_index.segments()?;
        let mut superseded = self.superseded.clone();
        superseded.extend(self.pending.keys().map(|node| node.get()));
        let published = Published::new(
            Arc::clone(&self.base),
            segments,
            Arc::clone(&committed),
            superseded.clone(),
            scn,
        );
        self.store.published.store(Arc::new(published));
        self.committed = committed;
        self.superseded = superseded;
        self.pending.clear();
        Ok(())
    }

    /// Returns whether a member without waiting changes exists, without reading the base: most ends
    /// of new connections exist.
    fn exists(&self, node: NodeIndex) -> Result<bool, FileError> {
        if !self.superseded.contains(node.get()) {
            return Ok(u64::from(node.get()) < self.base.profiles.node_count());
        }
        let record = self.committed.get(node)?;
        Ok(record.is_some_and(|record| record.profile.is_some()))
    }

    /// Returns the profile of a node as of the last commit.
    fn committed(
        &self,
        node: NodeIndex,
        member_id: u64,
    ) -> Result<Option<ProfileRecord>, FileError> {
        match self.committed.get(node)? {
            Some(record) => Ok(record.profile),
            None => self.base.profiles.profile(node, member_id),
        }
    }
}

/// Brings the index to the SCN of the profiles, and returns the nodes that have a record in the
/// live profiles. Reads each of these records.
fn catch_up(
    live_profiles: &LiveProfiles,
    reader: &LiveProfilesReader,
    live_index: &mut LiveIndex,
) -> Result<RoaringBitmap, OpenError> {
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

/// Applies a change to a profile; `None` is a member who does not exist. A change that would exceed
/// a bound has no effect.
fn apply(profile: &mut Option<ProfileRecord>, change: ProfileChange) -> Result<(), Bound> {
    let member_id = change.member_id().get();
    match (profile, change) {
        (
            None,
            ProfileChange::MemberUpserted {
                existing_only: true,
                ..
            },
        ) => Ok(()),
        (profile, ProfileChange::MemberUpserted { values, fields, .. }) => {
            let profile = profile.get_or_insert_with(|| empty_profile(member_id));
            upsert_member(profile, values, fields)
        }
        (profile, ProfileChange::MemberCreated { .. }) => {
            profile.get_or_insert_with(|| empty_profile(member_id));
            Ok(())
        }
        (profile, ProfileChange::MemberRemoved { .. }) => {
            *profile = None;
            Ok(())
        }
        (None, ProfileChange::PositionUpserted { .. } | ProfileChange::PositionRemoved { .. }) => {
            Ok(())
        }
        (
            Some(profile),
            ProfileChange::PositionUpserted {
                position, fields, ..
            },
        ) => upsert_position(profile, position, fields),
        (Some(profile), ProfileChange::PositionRemoved { position_id, .. }) => {
            remove_position(profile, position_id.get());
            Ok(())
        }
    }
}
