//! The version: base, changes since, and the SCN that is published. One writer appends to it; readers ask it through a
//! [`Graph`], which is the version at one SCN.
//!
//! Here stand the questions about single nodes, each "as of an SCN"; everything else is made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    base::base_graph::Base,
    files::read_ahead::read_ahead_slice,
    graph::Graph,
    neighbours::Neighbours,
    node_index::NodeIndex,
    overlay::{
        chains::{Overlay, Stamp, Step},
        summary::existence,
    },
};
use cloud_model::{MemberId, Scn};

/// A base, the changes since, and the SCN up to which they are to be seen.
pub struct Version {
    pub(crate) base: Arc<Base>,
    pub(crate) overlay: Overlay,
    base_scn: Scn,
    oldest: Scn,
    published: AtomicU64,
    pub(crate) counts: Counts,
}

/// What the writer counts as it goes.
pub(crate) struct Counts {
    pub(crate) members: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) created_by_connections: AtomicU64,
}

/// What the changes since the base take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverlayStats {
    /// Entries in the chains: two for each connection that changed.
    pub entries: u64,
    /// Nodes that have a chain.
    pub touched_nodes: u64,
    /// Members that the base does not have, removed ones included.
    pub new_members: u64,
    /// Times that a connection made a member exist.
    pub members_created_by_connections: u64,
    /// Memory.
    pub bytes: u64,
}

impl Version {
    /// Begins with `base`, which is true at `scn`.
    pub(crate) fn new(base: Arc<Base>, scn: Scn) -> Self {
        Self::restored(base, scn, scn)
    }

    /// Begins with `base`, which is true at `base_scn`, and changes that the caller appends, which lead to `scn`; what was true
    /// between the two is not known.
    pub(crate) fn restored(base: Arc<Base>, base_scn: Scn, scn: Scn) -> Self {
        let counts = Counts {
            members: AtomicU64::new(base.member_count()),
            connections: AtomicU64::new(base.connection_count()),
            created_by_connections: AtomicU64::new(0),
        };
        let overlay = Overlay::new(base.node_count());
        Self {
            base,
            overlay,
            base_scn,
            oldest: scn,
            published: AtomicU64::new(scn.get()),
            counts,
        }
    }

    /// Goes on where `before` stands, on a base that is true at `base_scn`, with an overlay of everything above.
    pub(crate) fn after(
        before: &Version,
        base: Arc<Base>,
        base_scn: Scn,
        overlay: Overlay,
        created_by_connections: u64,
    ) -> Self {
        let as_before = |count: &AtomicU64| AtomicU64::new(count.load(Ordering::Relaxed));
        Self {
            base,
            overlay,
            base_scn,
            oldest: base_scn,
            published: AtomicU64::new(before.published().get()),
            counts: Counts {
                members: as_before(&before.counts.members),
                connections: as_before(&before.counts.connections),
                created_by_connections: AtomicU64::new(created_by_connections),
            },
        }
    }

    /// The graph at the published SCN.
    pub fn graph(self: &Arc<Self>) -> Graph {
        Graph::new(self.clone(), self.published())
    }

    /// The graph at an SCN that is not above the published one, and not below the one that the version began at.
    pub fn graph_at(self: &Arc<Self>, scn: Scn) -> Option<Graph> {
        (self.oldest <= scn && scn <= self.published()).then(|| Graph::new(self.clone(), scn))
    }

    /// The newest SCN that may be asked for.
    pub fn published(&self) -> Scn {
        Scn::new(self.published.load(Ordering::Acquire))
    }

    /// The oldest SCN that may be asked for.
    pub fn oldest(&self) -> Scn {
        self.oldest
    }

    /// What the base is true at.
    pub fn base_scn(&self) -> Scn {
        self.base_scn
    }

    /// The base.
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// What the changes since the base take.
    pub fn stats(&self) -> OverlayStats {
        OverlayStats {
            entries: u64::from(self.overlay.entry_count()),
            touched_nodes: u64::from(self.overlay.touched_count()),
            new_members: u64::from(self.overlay.new_members.count()),
            members_created_by_connections: self
                .counts
                .created_by_connections
                .load(Ordering::Relaxed),
            bytes: self.overlay.bytes(),
        }
    }

    /// Lets readers see everything up to `scn`. For the one writer.
    pub(crate) fn publish(&self, scn: Scn) {
        self.published.store(scn.get(), Ordering::Release);
    }

    /// Node indexes in use at `scn` are below this.
    pub(crate) fn node_bound(&self, scn: Scn) -> u32 {
        self.base.node_count() + self.overlay.new_members.count_at(scn)
    }

    /// The node of a member that is known, whether it exists or was removed.
    pub(crate) fn known_node(&self, member: MemberId) -> Option<NodeIndex> {
        self.base.find(member).or_else(|| {
            let ordinal = self.overlay.new_members.find(member)?;
            Some(NodeIndex::new(self.base.node_count() + ordinal))
        })
    }

    /// The member at a node.
    pub(crate) fn member(&self, node: NodeIndex) -> MemberId {
        match node.get().checked_sub(self.base.node_count()) {
            None => self.base.member(node),
            Some(ordinal) => self.overlay.new_members.id(ordinal),
        }
    }

    /// Whether the node's member exists.
    #[inline]
    pub(crate) fn exists(&self, node: NodeIndex, scn: Scn) -> bool {
        if self.overlay.has_existence_entries(node)
            && let Some(stamp) = existence(node, self.overlay.chain(node, scn))
        {
            return stamp.is_added();
        }
        match node.get().checked_sub(self.base.node_count()) {
            None => self.base.exists(node),
            Some(ordinal) => {
                let new_members = &self.overlay.new_members;
                ordinal < new_members.count() && new_members.created(ordinal) <= scn
            }
        }
    }

    /// Asks for where a node's row lies. For [`read_ahead`](crate::files::read_ahead).
    #[inline]
    pub(crate) fn read_bounds_ahead(&self, node: NodeIndex) {
        self.overlay.read_ahead(node);
        self.base.read_bounds_ahead(node);
    }

    /// Asks for a node's row, whose bounds should have come.
    #[inline]
    pub(crate) fn read_row_ahead(&self, node: NodeIndex) {
        read_ahead_slice(self.base.row(node));
    }

    /// The node's neighbours.
    #[inline]
    pub(crate) fn neighbours(&self, node: NodeIndex, scn: Scn) -> Neighbours<'_> {
        if self.overlay.is_touched(node) {
            Neighbours::merged(self.base.row(node), node, self.overlay.chain(node, scn))
        } else {
            Neighbours::of_base(self.base.row(node))
        }
    }

    /// Whether two nodes are connected, and the entry that says so, if it is not the base that does. Both chains are walked in
    /// step, so that the cost is that of the shorter one.
    pub(crate) fn pair(&self, one: NodeIndex, other: NodeIndex, scn: Scn) -> Pair {
        if one == other {
            return Pair {
                connected: false,
                entry: None,
            };
        }
        let of_base = || Pair {
            connected: self.base.connected(one, other),
            entry: None,
        };
        if !self.overlay.is_touched(one) || !self.overlay.is_touched(other) {
            return of_base();
        }
        let said = |stamp: Stamp| Pair {
            connected: stamp.is_added(),
            entry: Some(stamp),
        };
        let removed = Pair {
            connected: false,
            entry: None,
        };
        let mut walks = [(one, other), (other, one)]
            .map(|(node, neighbour)| (self.overlay.chain(node, scn), node, neighbour));
        loop {
            for (chain, node, neighbour) in &mut walks {
                match chain.step() {
                    None => return of_base(),
                    Some(Step::Link(link)) if link.neighbour == neighbour.get() => {
                        return said(link.stamp);
                    }
                    Some(Step::Link(link))
                        if link.neighbour == node.get() && !link.stamp.is_added() =>
                    {
                        return removed;
                    }
                    Some(Step::Link(_)) => {}
                    Some(Step::Summary(summary)) => match summary.word(*neighbour) {
                        Some(stamp) => return said(stamp),
                        None if summary.base_counts() => return of_base(),
                        None => return removed,
                    },
                }
            }
        }
    }
}

/// How two nodes stand to each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) connected: bool,
    pub(crate) entry: Option<Stamp>,
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Version({:?}, SCN {} to {})",
            self.base,
            self.oldest,
            self.published()
        )
    }
}
