//! The one writer of a version: appends a window's changes to the chains, then publishes the window's SCN.
//!
//! **A new base.** While the graph at an SCN is folded into a new base ([`Fold`](crate::Fold), on another thread), the writer
//! appends what comes above that SCN to a second overlay too, the one that will stand on the new base. So between two windows it
//! can go over to the next version at once: base, second overlay and the SCN that is published already. Readers that hold the
//! version of before keep it; it stays as it was at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    base::base_graph::Base,
    graph::Graph,
    node_index::NodeIndex,
    overlay::{
        chains::{Overlay, Stamp},
        change::{Applied, Created, GraphChange},
        current::Current,
        version::Version,
    },
};
use cloud_model::{ConnectionTime, MemberId, Scn};

/// Changes whose memory is asked for together.
const CHANGES_AHEAD: usize = 64;

/// Applies windows. There is one for a graph; it cannot be cloned.
#[derive(Debug)]
pub struct Writer {
    version: Arc<Version>,
    current: Current,
    next: Option<Next>,
    /// The window that did not fit: half of it stands above the published SCN, so nothing may be published any more.
    failed: Option<ApplyError>,
}

/// What will stand on the base that is being made.
struct Next {
    base_scn: Scn,
    overlay: Overlay,
    /// Of the version's count, what was there at the base's SCN.
    created_by_connections: u64,
}

/// A window was not applied, and readers see nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The window is not behind the last one.
    #[error("the window at SCN {scn} is not above SCN {published}, which is published")]
    NotAbove {
        /// The window's SCN.
        scn: Scn,
        /// What was published last.
        published: Scn,
    },
    /// Chains or node indexes ran out: a new base is needed. The writer applies nothing more.
    #[error("the overlay was full at SCN {scn}: {entries} entries, {nodes} node indexes")]
    Full {
        /// The window that did not fit.
        scn: Scn,
        /// Entries in the chains.
        entries: u32,
        /// Node indexes in use.
        nodes: u32,
    },
}

impl Writer {
    /// A version that begins with `base`, which is true at `scn`.
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

    /// What readers ask, until the next one.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Where readers find the newest version, through all that follow.
    pub fn current(&self) -> &Current {
        &self.current
    }

    /// Memory of the changes since the base, and of those above the SCN that is being folded, which are kept twice.
    pub fn overlay_bytes(&self) -> u64 {
        let next = self.next.as_ref().map_or(0, |next| next.overlay.bytes());
        self.version.overlay.bytes() + next
    }

    /// The graph to be folded into a new base: as of the published SCN. From here on what changes is kept for that base, until
    /// [`swap`](Self::swap) or [`abandon_fold`](Self::abandon_fold); one that was begun before is abandoned.
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

    /// Keeps nothing for a new base any more.
    pub fn abandon_fold(&mut self) {
        self.next = None;
    }

    /// Goes on with `base`, into which the graph of [`begin_fold`](Self::begin_fold) was folded: readers find the next version from
    /// here on, at the SCN that is published. Answers the version of before, to be dropped where nobody waits: whoever drops the
    /// last owner of a version unmaps its base and frees its overlay.
    ///
    /// Panics when no fold was begun, or when the base is of another graph.
    pub fn swap(&mut self, base: Arc<Base>) -> Arc<Version> {
        let Some(next) = self.next.take() else {
            panic!("a base that nobody asked for");
        };
        assert_eq!(base.lineage(), self.version.base.lineage());
        assert_eq!(base.node_count(), next.overlay.base_nodes());
        let created = &self.version.counts.created_by_connections;
        let created = created.load(Ordering::Relaxed) - next.created_by_connections;
        let version = Version::after(&self.version, base, next.base_scn, next.overlay, created);
        self.current.publish(Arc::new(version));
        std::mem::replace(&mut self.version, self.current.version())
    }

    /// Applies a window and publishes its SCN: readers see all of it or nothing. O(1) for a change, but for the removal of a
    /// member O(d log d), and for a connection the shorter one of the two members' chains is searched.
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

/// A window that is being appended. It sees what it has appended so far.
struct Window<'a> {
    version: &'a Version,
    /// Of the next version, which gets the same entries.
    next: Option<&'a Overlay>,
    scn: Scn,
    applied: Applied,
}

impl Window<'_> {
    fn apply(&mut self, change: &GraphChange) -> Result<(), ApplyError> {
        match *change {
            GraphChange::MemberAdded(member) => self.existing(member, false).map(drop),
            GraphChange::MemberRemoved(member) => self.remove_member(member),
            GraphChange::ConnectionAdded {
                member,
                other,
                time,
            } => self.connect(member, other, time),
            GraphChange::ConnectionRemoved { member, other } => self.disconnect(member, other),
        }
    }

    /// The node of a member, who exists from here on.
    fn existing(&mut self, member: MemberId, by_connection: bool) -> Result<NodeIndex, ApplyError> {
        let node = match self.version.known_node(member) {
            Some(node) if self.version.exists(node, self.scn) => return Ok(node),
            Some(node) => {
                self.need(1)?;
                self.append(node, node, Stamp::added(ConnectionTime::UNKNOWN));
                node
            }
            None => {
                let bound =
                    self.version.base.node_count() + self.version.overlay.new_members.count();
                if bound >= u32::MAX - 1 {
                    return Err(self.full());
                }
                for overlay in self.overlays() {
                    overlay.new_members.push(member, self.scn);
                }
                NodeIndex::new(bound)
            }
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
            overlay.append(node, neighbour, self.scn, stamp);
        }
    }

    /// The version's own, and the next one's. That has entries of fewer windows, and so at least as much room.
    fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        [Some(&self.version.overlay), self.next]
            .into_iter()
            .flatten()
    }

    fn need(&self, entries: usize) -> Result<(), ApplyError> {
        if entries > self.version.overlay.room() as usize {
            Err(self.full())
        } else {
            Ok(())
        }
    }

    fn full(&self) -> ApplyError {
        let entries = self.version.overlay.entry_count();
        ApplyError::Full {
            scn: self.scn,
            entries,
            nodes: self.version.node_bound(self.scn),
        }
    }
}

/// One thread changes the counts, so load and store are enough. They are figures that nothing is found by; those that an overlay's
/// file began with are bounded there, not counted again, so they are not trusted to be right to the last one.
fn add(count: &AtomicU64, more: u64) {
    let sum = count.load(Ordering::Relaxed).saturating_add(more);
    count.store(sum, Ordering::Relaxed);
}

fn subtract(count: &AtomicU64, fewer: u64) {
    let difference = count.load(Ordering::Relaxed).saturating_sub(fewer);
    count.store(difference, Ordering::Relaxed);
}

/// Asks for what applying these changes reads of the members that they name, one step of all after the other. (Bench: "connection
/// changes applied per second, windows of 1,000".)
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
        version.overlay.read_head_ahead(node);
    });
    nodes.iter().for_each(|&node| version.read_row_ahead(node));
}
