//! A version: a base, the changes since, and the published SCN. One writer appends to it. Readers
//! read it through a [`Graph`], which is the version at one SCN.
//!
//! This file has the questions about single nodes, each as of an SCN; all other questions are built
//! from them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    base::base_graph::Base,
    graph::Graph,
    memory::read_ahead::read_ahead_slice,
    neighbours::Neighbours,
    node_index::NodeIndex,
    overlay::{
        chains::{Stamp, Step},
        since_base::Overlay,
        summary::own_entry,
    },
};
use cloud_model::{MemberId, Scn};

/// A base, the changes since, and the SCN up to which they are visible.
pub struct Version {
    pub(crate) base: Arc<Base>,
    pub(crate) overlay: Arc<Overlay>,
    base_scn: Scn,
    oldest: Scn,
    published: AtomicU64,
    pub(crate) counts: Counts,
}

/// The counts that the writer maintains.
pub(crate) struct Counts {
    pub(crate) members: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) created_by_connections: AtomicU64,
}

/// The size of the changes since the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverlayStats {
    /// The entries in the chains: two for each connection that changed.
    pub entries: u64,
    /// The entries about policy: two for each block that changed.
    pub policy_entries: u64,
    /// The nodes that have a chain.
    pub touched_nodes: u64,
    /// The members that the base does not have, removed ones included.
    pub new_members: u64,
    /// The number of times that a connection created a member.
    pub members_created_by_connections: u64,
    /// The bytes of memory.
    pub bytes: u64,
}

impl Version {
    /// Starts with `base`, which is exact at `scn`.
    pub(crate) fn new(base: Arc<Base>, scn: Scn) -> Self {
        Self::restored(base, scn, scn)
    }

    /// Starts with `base`, which is exact at `base_scn`. The caller then appends changes that lead
    /// to `scn`. The states between the two SCNs are unknown.
    pub(crate) fn restored(base: Arc<Base>, base_scn: Scn, scn: Scn) -> Self {
        let counts = Counts {
            members: AtomicU64::new(base.member_count()),
            connections: AtomicU64::new(base.connection_count()),
            created_by_connections: AtomicU64::new(0),
        };
        let overlay = Arc::new(Overlay::new(base.node_count()));
        Self {
            base,
            overlay,
            base_scn,
            oldest: scn,
            published: AtomicU64::new(scn.get()),
            counts,
        }
    }

    /// Continues at the published SCN of `before`, on a base that is exact at `base_scn`, with an
    /// overlay of everything above.
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
            overlay: Arc::new(overlay),
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

    /// Continues at the published SCN of `before` with the same changes, on a copy of its base.
    /// The changes are shared: readers of `before` skip what is appended from here on, by its SCN.
    pub(crate) fn moved(before: &Version, base: Arc<Base>) -> Self {
        let as_before = |count: &AtomicU64| AtomicU64::new(count.load(Ordering::Relaxed));
        let counts = &before.counts;
        Self {
            base,
            overlay: Arc::clone(&before.overlay),
            base_scn: before.base_scn,
            oldest: before.oldest,
            published: AtomicU64::new(before.published().get()),
            counts: Counts {
                members: as_before(&counts.members),
                connections: as_before(&counts.connections),
                created_by_connections: as_before(&counts.created_by_connections),
            },
        }
    }

    /// Returns the graph at the published SCN.
    pub fn graph(self: &Arc<Self>) -> Graph {
        Graph::new(self.clone(), self.published())
    }

    /// Returns the graph at an SCN. `None` when it is above the published one, or below the oldest
    /// one of this version.
    pub fn graph_at(self: &Arc<Self>, scn: Scn) -> Option<Graph> {
        (self.oldest <= scn && scn <= self.published()).then(|| Graph::new(self.clone(), scn))
    }

    /// Returns the newest SCN that readers may use.
    pub fn published(&self) -> Scn {
        Scn::new(self.published.load(Ordering::Acquire))
    }

    /// Returns the oldest SCN that readers may use.
    pub fn oldest(&self) -> Scn {
        self.oldest
    }

    /// Returns the SCN at which the base is exact.
    pub fn base_scn(&self) -> Scn {
        self.base_scn
    }

    /// Returns the base.
    pub fn base(&self) -> &Arc<Base> {
        &self.base
    }

    /// Returns the size of the changes since the base.
    pub fn stats(&self) -> OverlayStats {
        OverlayStats {
            entries: u64::from(self.overlay.graph.entry_count()),
            policy_entries: u64::from(self.overlay.policy.entry_count()),
            touched_nodes: u64::from(self.overlay.graph.touched_count()),
            new_members: u64::from(self.overlay.new_members.count()),
            members_created_by_connections: self
                .counts
                .created_by_connections
                .load(Ordering::Relaxed),
            bytes: self.overlay.bytes(),
        }
    }

    /// Makes everything up to `scn` visible to readers. Only the one writer calls this.
    pub(crate) fn publish(&self, scn: Scn) {
        self.published.store(scn.get(), Ordering::Release);
    }

    /// Returns a number that is above all node indexes in use at `scn`.
    pub(crate) fn node_bound(&self, scn: Scn) -> u32 {
        self.base.node_count() + self.overlay.new_members.count_at(scn)
    }

    /// Returns the node of a known id: of a member, existing or removed, or of one that policy
    /// names.
    pub(crate) fn known_node(&self, member: MemberId) -> Option<NodeIndex> {
        self.base.find(member).or_else(|| {
            let ordinal = self.overlay.new_members.find(member)?;
            Some(NodeIndex::new(self.base.node_count() + ordinal))
        })
    }

    /// Returns the member at a node.
    pub(crate) fn member(&self, node: NodeIndex) -> MemberId {
        match node.get().checked_sub(self.base.node_count()) {
            None => self.base.member(node),
            Some(ordinal) => self.overlay.new_members.id(ordinal),
        }
    }

    /// Returns whether the node's member exists.
    #[inline]
    pub(crate) fn exists(&self, node: NodeIndex, scn: Scn) -> bool {
        if self.overlay.graph.has_own_entries(node)
            && let Some(stamp) = own_entry(node, self.overlay.graph.chain(node, scn))
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

    /// Prefetches the bounds of a node's row, for [`read_ahead`](crate::memory::read_ahead).
    #[inline]
    pub(crate) fn read_bounds_ahead(&self, node: NodeIndex) {
        self.overlay.graph.read_ahead(node);
        self.base.read_bounds_ahead(node);
    }

    /// Returns the node's row in the base, whatever has changed since.
    #[inline]
    pub(crate) fn base_row(&self, node: NodeIndex) -> &[u32] {
        self.base.row(node)
    }

    /// Prefetches a node's row, whose bounds should have been prefetched before.
    #[inline]
    pub(crate) fn read_row_ahead(&self, node: NodeIndex) {
        read_ahead_slice(self.base.row(node));
    }

    /// Returns the node's neighbours.
    #[inline]
    pub(crate) fn neighbours(&self, node: NodeIndex, scn: Scn) -> Neighbours<'_> {
        if self.overlay.graph.is_touched(node) {
            Neighbours::merged(
                self.base.row(node),
                node,
                self.overlay.graph.chain(node, scn),
            )
        } else {
            Neighbours::of_base(self.base.row(node))
        }
    }

    /// Returns whether two nodes are connected, and the entry that decides it unless the base does.
    /// Both chains are walked in step, so the cost is that of the shorter one.
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
        let chains = &self.overlay.graph;
        if !chains.is_touched(one) || !chains.is_touched(other) {
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
            .map(|(node, neighbour)| (chains.chain(node, scn), node, neighbour));
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

/// Whether two nodes are connected, and the entry that decides it.
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
