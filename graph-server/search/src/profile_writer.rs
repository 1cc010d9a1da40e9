//! The writer of profiles and index: merges changes as they come, and publishes them with a commit.

use crate::{
    index::live_index::LiveIndex,
    live_stores::{LiveStores, catch_up},
    profile_change::ProfileChange,
    profile_store::ProfileStore,
    profiles::{
        live_profiles::{LiveProfiles, LiveProfilesReader, LiveRecord},
        persistent_file::Persistence,
    },
    published::{Base, Published},
    store_error::{ApplyError, OpenError},
};
use arc_swap::ArcSwap;
use cloud_engine::{FileError, NodeIndex};
use cloud_model::{LogPoint, Scn};
use cloud_profile::{
    MergeError, ProfileRecord, empty_profile, remove_position, upsert_member, upsert_position,
};
use roaring::RoaringBitmap;
use std::{collections::BTreeMap, sync::Arc};

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
    /// The SCN that an earlier writer has published, until this one has reached it: what readers
    /// have seen never goes back.
    seen: Option<Scn>,
    /// The damage for which the live profiles were replaced.
    replaced: Option<OpenError>,
}

impl ProfileWriter {
    /// Publishes the stores, and returns them with their writer.
    pub(crate) fn open(
        base: Arc<Base>,
        stores: LiveStores,
        persistence: Arc<Persistence>,
    ) -> Result<(ProfileStore, Self), OpenError> {
        let published = Published::new(
            Arc::clone(&base),
            stores.index.segments()?,
            Arc::clone(&stores.committed),
            stores.superseded.clone(),
            stores.profiles.scn(),
        );
        let store = ProfileStore {
            published: Arc::new(ArcSwap::from_pointee(published)),
            persistence,
            over_bounds: Arc::default(),
            key_conflicts: Arc::default(),
        };
        let writer = Self::of(store.clone(), base, stores, None);
        Ok((store, writer))
    }

    /// Returns a writer that replaces an earlier one of the same store.
    pub(crate) fn replacing(store: &ProfileStore, stores: LiveStores) -> Result<Self, OpenError> {
        let published = store.published();
        let base = Arc::clone(&published.base);
        let applied = stores.profiles.point();
        let mut writer = Self::of(store.clone(), base, stores, Some(published.scn()));
        writer.advance(applied)?;
        Ok(writer)
    }

    fn of(store: ProfileStore, base: Arc<Base>, stores: LiveStores, seen: Option<Scn>) -> Self {
        store.persistence.retry();
        let LiveStores {
            profiles,
            index,
            committed,
            superseded,
            replaced,
        } = stores;
        Self {
            store,
            base,
            applied: profiles.point(),
            live_profiles: profiles,
            live_index: index,
            committed,
            pending: BTreeMap::new(),
            superseded,
            seen,
            replaced,
        }
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
            match apply(&mut record.profile, change) {
                Ok(()) => {}
                Err(MergeError::OverBound(bound)) => self.store.over_bounds.count(bound),
                Err(MergeError::KeyConflict(conflict)) => self.store.key_conflicts.count(conflict),
            }
        }
        self.advance(point)
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

    /// Returns whether readers see what this writer has committed. A writer that replaces another
    /// one first has to reach what that one has published.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.seen.is_none()
    }

    /// Returns the SCN up to which the stores hold every window. The log is read after it.
    #[must_use]
    pub fn applied_scn(&self) -> Scn {
        match self.seen {
            None => self.store.applied_scn(),
            Some(_) if self.pending.is_empty() => self.applied.scn,
            Some(_) => self.live_profiles.scn(),
        }
    }

    /// Returns the damage for which live profiles or the live index were replaced.
    #[must_use]
    pub fn replaced(&self) -> Vec<String> {
        let profiles = self.replaced.as_ref().map(ToString::to_string);
        let index = self.live_index.replaced().map(ToString::to_string);
        profiles.into_iter().chain(index).collect()
    }

    /// Records that every window up to this point was applied. If no changes wait for a commit, the
    /// published state becomes valid there too.
    fn advance(&mut self, point: LogPoint) -> Result<(), ApplyError> {
        if point.scn >= self.applied.scn {
            self.applied = point;
        }
        if !self.pending.is_empty() {
            return Ok(());
        }
        match self.seen {
            None => self.store.published.load().extend(self.applied.scn),
            Some(seen) if seen <= self.applied.scn => self.publish(self.applied.scn)?,
            Some(_) => {}
        }
        Ok(())
    }

    /// Releases the live index, so that another writer can be opened. This one is not to be used
    /// again.
    pub fn abandon(&mut self) {
        self.live_index.release();
    }

    /// Deletes the live index and makes it again from the live profiles. Readers keep what is
    /// published. The waiting changes go on waiting.
    ///
    /// # Errors
    /// If the index cannot be deleted or written, or the live profiles cannot be read. The next
    /// call tries again.
    pub fn rebuild_index(&mut self) -> Result<(), ApplyError> {
        let committed = self.live_profiles.reader()?;
        self.live_index.rebuild()?;
        catch_up(&self.live_profiles, &committed, &mut self.live_index)?;
        Ok(())
    }

    /// Writes and publishes the waiting changes, valid at `through`: every window up to there was
    /// applied. When this returns, the profiles are durable, and the index can be rebuilt from
    /// them. Without waiting changes, it still makes the stores' SCN durable.
    ///
    /// If a store cannot be written. The changes then go on waiting.
    pub fn commit(&mut self, through: impl Into<LogPoint>) -> Result<(), ApplyError> {
        self.live_profiles.check_in_place()?;
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
        self.advance(point)
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
        if self.seen.is_none_or(|seen| seen <= scn) {
            self.store.published.store(Arc::new(published));
            self.seen = None;
        }
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

/// Applies a change to a profile; `None` is a member who does not exist. A change that would exceed
/// a bound, and an upsert with another key than the member's, have no effect.
fn apply(profile: &mut Option<ProfileRecord>, change: ProfileChange) -> Result<(), MergeError> {
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
            upsert_member(profile, *values, fields)
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
        ) => Ok(upsert_position(profile, *position, fields)?),
        (Some(profile), ProfileChange::PositionRemoved { position_id, .. }) => {
            remove_position(profile, position_id.get());
            Ok(())
        }
    }
}
