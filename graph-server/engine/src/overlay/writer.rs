//! The one writer of a version: appends a window's changes to the chains, then publishes the
//! window's SCN.
//!
//! **A new base.** Another thread folds the graph at an SCN into a new base
//! ([`Fold`](crate::Fold)). Meanwhile the writer also appends everything above that SCN to a second
//! overlay. Between two windows it can therefore switch to the next version at once: the new base,
//! the second overlay and the SCN that is already published. Readers that hold the previous version
//! keep it, as it was at that moment.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    base::{
        base_graph::Base,
        policy_row::{Blocks, CLOSED_LIST, NODES_MAX, key_of_kind},
    },
    graph::Graph,
    node_index::NodeIndex,
    overlay::{
        chains::Stamp,
        change::{Applied, Created, GraphChange},
        current::Current,
        since_base::Overlay,
        version::Version,
    },
};
use cloud_model::{ConnectionTime, MemberId, RestrictionKind, Scn};

/// The changes whose memory is prefetched together.
const CHANGES_AHEAD: usize = 64;

/// Applies windows. A graph has one writer, which cannot be cloned.
#[derive(Debug)]
pub struct Writer {
    version: Arc<Version>,
    current: Current,
    next: Option<Next>,
    /// The window that did not fit. Half of it stands above the published SCN, so nothing more may
    /// be published.
    failed: Option<ApplyError>,
}

/// The overlay of the base that is being written.
struct Next {
    base_scn: Scn,
    overlay: Overlay,
    /// The version's count of members created by connections, as of the base's SCN.
    created_by_connections: u64,
}

/// A window was not applied, and none of it is visible to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The window does not follow the last one.
    #[error("the window at SCN {scn} is not above SCN {published}, which is published")]
    NotAbove {
        /// The window's SCN.
        scn: Scn,
        /// The SCN that was published last.
        published: Scn,
    },
    /// Chains or node indexes are exhausted: a new base is needed. The writer applies nothing more.
    #[error("the overlay is full at SCN {scn}: {entries} entries, {nodes} node indexes")]
    Full {
        /// The window that did not fit.
        scn: Scn,
        /// The entries in the chains.
        entries: u32,
        /// The node indexes in use.
        nodes: u32,
    },
}

impl Writer {
    /// Starts a version with `base`, which is exact at `scn`.
    #[must_use]
    pub fn new(base: Arc<Base>, scn: Scn) -> Self {
        Self::of(Version::new(base, scn))
    }

    pub(crate) fn of(version: Version) -> Self {
        let version = Arc::new(version);
        Self {
            current: Current::new(version.clone()),
            version,
            next: None,
            failed: None,
        }
    }

    /// Returns the version that readers use, until it is replaced.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Returns the place where readers find the newest version, also after it is replaced.
    pub fn current(&self) -> &Current {
        &self.current
    }

    /// Returns the memory of the changes since the base, including the second copy of those above
    /// the SCN that is being folded.
    pub fn overlay_bytes(&self) -> u64 {
        let next = self.next.as_ref().map_or(0, |next| next.overlay.bytes());
        self.version.overlay.bytes() + next
    }

    /// Returns the graph to fold into a new base, as of the published SCN. From here on the writer
    /// keeps changes for that base, until [`swap`](Self::swap) or
    /// [`abandon_fold`](Self::abandon_fold). An earlier fold is abandoned.
    pub fn begin_fold(&mut self) -> Graph {
        let graph = self.version.graph();
        let created = &self.version.counts.created_by_connections;
        self.next = Some(Next {
            base_scn: graph.scn(),
            overlay: Overlay::new(graph.node_bound()),
            created_by_connections: created.load(Ordering::Relaxed),
        });
        graph
    }

    /// Stops keeping changes for a new base.
    pub fn abandon_fold(&mut self) {
        self.next = None;
    }

    /// Switches to `base`, into which the graph of [`begin_fold`](Self::begin_fold) was folded.
    /// From here on readers find the next version, at the SCN that is already published.
    ///
    /// Returns the previous version. Dropping the last owner of a version unmaps its base and frees
    /// its overlay, so drop it on a thread that serves no requests.
    ///
    /// # Panics
    /// When no fold was begun, or when the base is of another graph.
    pub fn swap(&mut self, base: Arc<Base>) -> Arc<Version> {
        let Some(next) = self.next.take() else {
            panic!("swap without begin_fold");
        };
        assert_eq!(base.lineage(), self.version.base.lineage());
        assert_eq!(base.node_count(), next.overlay.base_nodes());
        let created = &self.version.counts.created_by_connections;
        let created = created.load(Ordering::Relaxed) - next.created_by_connections;
        let version = Version::after(&self.version, base, next.base_scn, next.overlay, created);
        self.current.publish(Arc::new(version));
        std::mem::replace(&mut self.version, self.current.version())
    }

    /// Goes over to `base`, the [copy](crate::ResidentCopy) of the version's base. From here on
    /// readers find a version with the same changes, at the SCN that is already published. A fold
    /// goes on.
    ///
    /// Returns the previous version, to be dropped as after [`swap`](Self::swap).
    ///
    /// # Panics
    /// When the base is of another graph than the version's.
    pub fn move_to(&mut self, base: Arc<Base>) -> Arc<Version> {
        let before = &self.version.base;
        assert_eq!(base.lineage(), before.lineage());
        assert_eq!(base.node_count(), before.node_count());
        assert_eq!(base.target_count(), before.target_count());
        self.current
            .publish(Arc::new(Version::moved(&self.version, base)));
        std::mem::replace(&mut self.version, self.current.version())
    }

    /// Applies a window and publishes its SCN: readers see all of it or nothing. O(1) for a change,
    /// with three exceptions. The removal of a member takes O(d log d), and so does a restriction
    /// that hides one, or its end. A connection searches the shorter one of the two members'
    /// chains, and a block that of the member who blocks.
    ///
    /// # Errors
    /// [`ApplyError`] when the window does not follow the last one, or does not fit.
    pub fn apply(&mut self, scn: Scn, changes: &[GraphChange]) -> Result<Applied, ApplyError> {
        self.check(scn)?;
        let mut window = Window {
            version: &self.version,
            next: self.next.as_ref().map(|next| &next.overlay),
            scn,
            applied: Applied::default(),
        };
        for changes in changes.chunks(CHANGES_AHEAD) {
            read_changes_ahead(&self.version, changes);
            for change in changes {
                if let Err(error) = window.apply(change) {
                    self.failed = Some(error);
                    return Err(error);
                }
            }
        }
        let applied = window.applied;
        self.version.publish(scn);
        Ok(applied)
    }

    /// Publishes the SCN of a window that does not change the graph.
    ///
    /// # Errors
    /// [`ApplyError`] when the window does not follow the last one, or when an earlier window did
    /// not fit.
    pub fn publish(&mut self, scn: Scn) -> Result<(), ApplyError> {
        self.check(scn)?;
        self.version.publish(scn);
        Ok(())
    }

    fn check(&self, scn: Scn) -> Result<(), ApplyError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let published = self.version.published();
        if scn <= published {
            return Err(ApplyError::NotAbove { scn, published });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Next(base at SCN {})", self.base_scn)
    }
}

/// A window that is being appended. It sees its own earlier changes.
struct Window<'a> {
    version: &'a Version,
    /// The overlay of the next version, which gets the same entries.
    next: Option<&'a Overlay>,
    scn: Scn,
    applied: Applied,
}

impl Window<'_> {
    fn apply(&mut self, change: &GraphChange) -> Result<(), ApplyError> {
        match *change {
            GraphChange::MemberAdded(member) => self.existing(member, false).map(drop),
            GraphChange::MemberNamed(member) => {
                self.applied.not_existing += u64::from(!self.exists(member));
                Ok(())
            }
            GraphChange::MemberRemoved(member) => self.remove_member(member),
            GraphChange::ConnectionAdded {
                member,
                other,
                existing_only: true,
                ..
            } if member != other && !(self.exists(member) && self.exists(other)) => {
                self.applied.not_existing += 1;
                Ok(())
            }
            GraphChange::ConnectionAdded {
                member,
                other,
                time,
                ..
            } => self.connect(member, other, time),
            GraphChange::ConnectionRemoved { member, other } => self.disconnect(member, other),
            GraphChange::MemberBlocked { blocker, blocked } => self.block(blocker, blocked),
            GraphChange::MemberUnblocked { blocker, blocked } => self.unblock(blocker, blocked),
            GraphChange::MemberRestricted {
                member,
                kind,
                ends_at,
            } => self.restrict(member, kind, ends_at),
            GraphChange::MemberUnrestricted { member, kind } => self.lift(member, kind),
            GraphChange::ConnectionListClosed(member) => {
                let node = self.named(member)?;
                self.state_policy(node, CLOSED_LIST, Some(0)).map(drop)
            }
            GraphChange::ConnectionListOpened(member) => match self.version.known_node(member) {
                Some(node) => self.state_policy(node, CLOSED_LIST, None).map(drop),
                None => Ok(()),
            },
        }
    }

    /// Returns whether a member exists after the window's changes so far.
    fn exists(&self, member: MemberId) -> bool {
        let node = self.version.known_node(member);
        node.is_some_and(|node| self.version.exists(node, self.scn))
    }

    /// Returns the node of a member, which exists from here on.
    fn existing(&mut self, member: MemberId, by_connection: bool) -> Result<NodeIndex, ApplyError> {
        let node = match self.version.known_node(member) {
            Some(node) if self.version.exists(node, self.scn) => return Ok(node),
            Some(node) => {
                self.need(1)?;
                self.append(node, node, Stamp::added(ConnectionTime::UNKNOWN));
                node
            }
            None => self.new_node(member)?,
        };
        add(&self.version.counts.members, 1);
        if by_connection {
            add(&self.version.counts.created_by_connections, 1);
        }
        self.applied.created.push(Created {
            member,
            node,
            by_connection,
        });
        Ok(node)
    }

    /// Gives an unknown member a node.
    fn new_node(&self, member: MemberId) -> Result<NodeIndex, ApplyError> {
        let bound = self.version.base.node_count() + self.version.overlay.new_members.count();
        if bound >= NODES_MAX {
            return Err(self.full());
        }
        for overlay in self.overlays() {
            overlay.new_members.push(member, self.scn);
        }
        Ok(NodeIndex::new(bound))
    }

    /// Returns the node of a member that policy names. An unknown member gets a node, and still
    /// does not exist.
    fn named(&self, member: MemberId) -> Result<NodeIndex, ApplyError> {
        if let Some(node) = self.version.known_node(member) {
            return Ok(node);
        }
        self.need(1)?;
        let node = self.new_node(member)?;
        self.append(node, node, Stamp::REMOVED);
        Ok(node)
    }

    fn remove_member(&mut self, member: MemberId) -> Result<(), ApplyError> {
        let version = self.version;
        let Some(node) = version
            .known_node(member)
            .filter(|&node| version.exists(node, self.scn))
        else {
            return Ok(());
        };
        let neighbours: Vec<NodeIndex> = version.neighbours(node, self.scn).collect();
        self.need(neighbours.len() + 1)?;
        for &neighbour in &neighbours {
            self.append(neighbour, node, Stamp::REMOVED);
        }
        self.append(node, node, Stamp::REMOVED);
        subtract(&version.counts.members, 1);
        subtract(&version.counts.connections, neighbours.len() as u64);
        self.applied.removed.push((member, node));
        Ok(())
    }

    fn connect(
        &mut self,
        member: MemberId,
        other: MemberId,
        time: ConnectionTime,
    ) -> Result<(), ApplyError> {
        if member == other {
            self.applied.ignored += 1;
            return Ok(());
        }
        let (one, other) = (self.existing(member, true)?, self.existing(other, true)?);
        let pair = self.version.pair(one, other, self.scn);
        if pair.entry != Some(Stamp::added(time)) {
            self.append_both(one, other, Stamp::added(time))?;
            add(&self.version.counts.connections, u64::from(!pair.connected));
        }
        Ok(())
    }

    fn disconnect(&mut self, member: MemberId, other: MemberId) -> Result<(), ApplyError> {
        if member == other {
            self.applied.ignored += 1;
            return Ok(());
        }
        let nodes = (
            self.version.known_node(member),
            self.version.known_node(other),
        );
        let (Some(one), Some(other)) = nodes else {
            return Ok(());
        };
        if self.version.pair(one, other, self.scn).connected {
            self.append_both(one, other, Stamp::REMOVED)?;
            subtract(&self.version.counts.connections, 1);
        }
        Ok(())
    }

    fn block(&mut self, blocker: MemberId, blocked: MemberId) -> Result<(), ApplyError> {
        if blocker == blocked {
            self.applied.ignored += 1;
            return Ok(());
        }
        let (blocker, blocked) = (self.named(blocker)?, self.named(blocked)?);
        let before = self.version.blocks_between(blocker, blocked, self.scn);
        self.state_blocks(blocker, blocked, before, before.with_block())
    }

    fn unblock(&mut self, blocker: MemberId, blocked: MemberId) -> Result<(), ApplyError> {
        if blocker == blocked {
            self.applied.ignored += 1;
            return Ok(());
        }
        let nodes = (
            self.version.known_node(blocker),
            self.version.known_node(blocked),
        );
        let (Some(blocker), Some(blocked)) = nodes else {
            return Ok(());
        };
        let before = self.version.blocks_between(blocker, blocked, self.scn);
        self.state_blocks(blocker, blocked, before, before.without_block())
    }

    fn state_blocks(
        &self,
        one: NodeIndex,
        other: NodeIndex,
        before: Blocks,
        after: Blocks,
    ) -> Result<(), ApplyError> {
        if before == after {
            return Ok(());
        }
        let stamp = |blocks: Blocks| blocks.value().map_or(Stamp::REMOVED, Stamp::of_value);
        self.append_policy(one, other.get(), stamp(after))?;
        self.append_policy(other, one.get(), stamp(after.mirrored()))
    }

    fn restrict(
        &mut self,
        member: MemberId,
        kind: RestrictionKind,
        ends_at: u64,
    ) -> Result<(), ApplyError> {
        let node = self.named(member)?;
        let ends_at = ends_at.min(ConnectionTime::MAX.millis());
        match self.state_policy(node, key_of_kind(kind), Some(ends_at))? {
            true => self.hide(node, kind),
            false => Ok(()),
        }
    }

    fn lift(&mut self, member: MemberId, kind: RestrictionKind) -> Result<(), ApplyError> {
        match self.version.known_node(member) {
            Some(node) if self.state_policy(node, key_of_kind(kind), None)? => {
                self.hide(node, kind)
            }
            _ => Ok(()),
        }
    }

    /// Hides a member, or ceases to, as its restrictions say after a change of this kind.
    ///
    /// A view trusts a node whose own chain has no entry. The change therefore also stands, as a
    /// marker, in the chain of each neighbour: the member may be the only one between two others.
    fn hide(&self, node: NodeIndex, kind: RestrictionKind) -> Result<(), ApplyError> {
        let version = self.version;
        if !kind.hides() {
            return Ok(());
        }
        let Some(hides) = version.hides_otherwise(node, self.scn) else {
            return Ok(());
        };
        self.append_policy(node, node.get(), Stamp::of_value(hides.into()))?;
        let neighbours: Vec<NodeIndex> = version.neighbours(node, self.scn).collect();
        self.need(neighbours.len() + 1)?;
        for neighbour in neighbours {
            self.append(neighbour, node, Stamp::MARKER);
        }
        self.append(node, node, Stamp::MARKER);
        Ok(())
    }

    /// States a value of a node's policy; `None` if there is none any more. Returns whether that
    /// changes it.
    fn state_policy(
        &self,
        node: NodeIndex,
        key: u32,
        value: Option<u64>,
    ) -> Result<bool, ApplyError> {
        if self.version.policy_value(node, key, self.scn) == value {
            return Ok(false);
        }
        self.append_policy(node, key, value.map_or(Stamp::REMOVED, Stamp::of_value))?;
        Ok(true)
    }

    fn append_policy(&self, node: NodeIndex, key: u32, stamp: Stamp) -> Result<(), ApplyError> {
        if self.version.overlay.policy.room() == 0 {
            return Err(self.full());
        }
        for overlay in self.overlays() {
            let chains = &overlay.policy;
            chains.append(node, NodeIndex::new(key), self.scn, stamp);
        }
        Ok(())
    }

    fn append_both(
        &self,
        one: NodeIndex,
        other: NodeIndex,
        stamp: Stamp,
    ) -> Result<(), ApplyError> {
        self.need(2)?;
        self.append(one, other, stamp);
        self.append(other, one, stamp);
        Ok(())
    }

    fn append(&self, node: NodeIndex, neighbour: NodeIndex, stamp: Stamp) {
        for overlay in self.overlays() {
            overlay.graph.append(node, neighbour, self.scn, stamp);
        }
    }

    /// Returns the version's own overlay and the next one. The next one has entries of fewer
    /// windows, and so at least as much room.
    fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        [Some(&*self.version.overlay), self.next]
            .into_iter()
            .flatten()
    }

    fn need(&self, entries: usize) -> Result<(), ApplyError> {
        if entries > self.version.overlay.graph.room() as usize {
            Err(self.full())
        } else {
            Ok(())
        }
    }

    fn full(&self) -> ApplyError {
        let overlay = &self.version.overlay;
        let entries = overlay
            .graph
            .entry_count()
            .max(overlay.policy.entry_count());
        ApplyError::Full {
            scn: self.scn,
            entries,
            nodes: self.version.node_bound(self.scn),
        }
    }
}

/// Adds to a count. One thread changes the counts, so load and store are enough. They are figures
/// that no look-up depends on. Counts that come from an overlay file are only checked to be
/// possible, so they may be slightly wrong.
fn add(count: &AtomicU64, more: u64) {
    let sum = count.load(Ordering::Relaxed).saturating_add(more);
    count.store(sum, Ordering::Relaxed);
}

fn subtract(count: &AtomicU64, fewer: u64) {
    let difference = count.load(Ordering::Relaxed).saturating_sub(fewer);
    count.store(difference, Ordering::Relaxed);
}

/// Prefetches what applying these changes reads of the members that they name, one step of all
/// after the other. (Bench: "connection changes applied per second, windows of 1,000".)
fn read_changes_ahead(version: &Version, changes: &[GraphChange]) {
    if changes.len() == 1 {
        return;
    }
    let members: Vec<MemberId> = changes.iter().flat_map(GraphChange::members).collect();
    version.base.read_ids_ahead(&members);
    let nodes = members
        .iter()
        .filter_map(|&member| version.known_node(member));
    let nodes: Vec<NodeIndex> = nodes.collect();
    nodes.iter().for_each(|&node| {
        version.read_bounds_ahead(node);
        version.overlay.graph.read_head_ahead(node);
    });
    nodes.iter().for_each(|&node| version.read_row_ahead(node));
}
