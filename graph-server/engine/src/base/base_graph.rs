//! The base: an immutable graph in compressed sparse rows, in the files of a snapshot or in memory.

use std::{ops::Range, path::Path, sync::Arc};

use crate::{
    base::{
        csr::{Csr, GraphContent},
        graph_file::{GraphFile, GraphSections},
        id_order::IdOrder,
        member_lookup::MemberLookup,
        policy_file::BasePolicy,
        times_file::{TIMES_PER_BLOCK, TimesFile},
    },
    files::{
        block_reader::BlockReader, content_error::ContentError, file_error::FileError,
        manifest::Manifest,
    },
    memory::{
        read_ahead::read_ahead,
        shared_array::{Array, FileBytes},
    },
    node_index::{NodeIndex, member_checked_before},
    sets::node_set::NodeSet,
};
use cloud_model::{ConnectionTime, LineageId, MemberId};

/// An immutable graph. A removed member keeps its node, without neighbours.
pub struct Base {
    lineage: LineageId,
    sections: GraphSections,
    /// The number of nodes, from node 0 up, whose ids ascend.
    ascending_nodes: u32,
    times: Arc<Times>,
    policy: Arc<BasePolicy>,
    lookup: MemberLookup,
    /// The file that holds the arrays; absent for a base that was built in memory.
    file: Option<GraphFile>,
}

/// The offsets, in the width that the number of targets needs.
pub(crate) enum Offsets {
    Narrow(Array<u32>),
    Wide(Array<u64>),
}

enum Times {
    File(TimesFile),
    Memory(Vec<u64>),
}

impl Base {
    /// Opens the graph of a snapshot. Maps `graph.csr` and `policy.bin`, if there is one, and
    /// verifies them completely. Verifies the
    /// header and the table of checksums of `times.bin`; its blocks are verified each time they are
    /// read.
    ///
    /// # Errors
    /// [`FileError`] when a file is missing, damaged, or not the one that the manifest names.
    pub fn open(snapshot: &Path, manifest: &Manifest) -> Result<Self, FileError> {
        let file = GraphFile::open(snapshot, manifest)?;
        let sections = file.sections()?;
        let times = TimesFile::open(snapshot, manifest, sections.targets.len() as u64)?;
        let policy = BasePolicy::open(snapshot, manifest, sections.member_ids.len() as u32)?;
        let base = Self::new(manifest.lineage_id, sections, Times::File(times));
        Ok(Self {
            policy: Arc::new(policy),
            file: Some(file),
            ..base
        })
    }

    /// Returns a base without members.
    #[must_use]
    pub fn empty(lineage: LineageId) -> Self {
        let sections = GraphSections {
            member_ids: Vec::new().into(),
            nodes_by_id: Vec::new().into(),
            offsets: Offsets::Narrow(vec![0].into()),
            targets: Vec::new().into(),
            absent: NodeSet::default(),
        };
        Self::new(lineage, sections, Times::Memory(Vec::new()))
    }

    /// Builds a base in memory, for tests and benches, by [`Csr::from_edges`].
    ///
    /// # Errors
    /// [`ContentError`] when the arguments do not make a graph.
    pub fn from_edges(
        members: &[MemberId],
        edges: &[(MemberId, MemberId, ConnectionTime)],
    ) -> Result<Self, ContentError> {
        let csr = Csr::from_edges(members, edges)?;
        Self::from_content(LineageId::default(), &csr.content())
    }

    /// Builds a base in memory with nodes in the order of `members`, by [`Csr::in_node_order`].
    ///
    /// # Errors
    /// [`ContentError`] when the arguments do not make a graph.
    pub fn in_node_order(
        members: &[MemberId],
        edges: &[(MemberId, MemberId, ConnectionTime)],
    ) -> Result<Self, ContentError> {
        let csr = Csr::in_node_order(members, edges)?;
        Self::from_content(LineageId::default(), &csr.content())
    }

    /// Copies these arrays into a base in memory, after checking them.
    ///
    /// # Errors
    /// [`ContentError`] when the arrays do not make a graph.
    pub fn from_content(
        lineage: LineageId,
        content: &GraphContent<'_>,
    ) -> Result<Self, ContentError> {
        content.check()?;
        let narrow: Result<Vec<u32>, _> = content
            .offsets
            .iter()
            .map(|&offset| u32::try_from(offset))
            .collect();
        let offsets = match narrow {
            Ok(offsets) => Offsets::Narrow(offsets.into()),
            Err(_) => Offsets::Wide(content.offsets.to_vec().into()),
        };
        let sections = GraphSections {
            member_ids: content.member_ids.to_vec().into(),
            nodes_by_id: content.nodes_by_id.to_vec().into(),
            offsets,
            targets: content.targets.to_vec().into(),
            absent: NodeSet::default(),
        };
        Ok(Self::new(
            lineage,
            sections,
            Times::Memory(content.times.to_vec()),
        ))
    }

    fn new(lineage: LineageId, sections: GraphSections, times: Times) -> Self {
        let ids = IdOrder::new(&sections.member_ids, &sections.nodes_by_id);
        Self {
            lineage,
            ascending_nodes: ids.ascending_nodes(),
            lookup: MemberLookup::new(ids),
            sections,
            times: Arc::new(times),
            policy: Arc::default(),
            file: None,
        }
    }

    /// Returns the bytes of the file that the arrays lie in, if it is mapped.
    pub(crate) fn mapped_file(&self) -> Option<&[u8]> {
        self.file.as_ref()?.mapped()
    }

    /// Returns the base with its arrays in these bytes, a copy of the file with this checksum.
    pub(crate) fn resident(&self, bytes: FileBytes, crc32c: u32) -> Result<Self, FileError> {
        let Some(file) = &self.file else {
            unreachable!("only a mapped base is copied");
        };
        let file = file.moved(bytes, crc32c)?;
        Ok(Self {
            lineage: self.lineage,
            sections: file.sections()?,
            ascending_nodes: self.ascending_nodes,
            times: Arc::clone(&self.times),
            policy: Arc::clone(&self.policy),
            lookup: self.lookup.clone(),
            file: Some(file),
        })
    }

    /// Returns who may not see whom.
    pub(crate) fn policy(&self) -> &BasePolicy {
        &self.policy
    }

    /// Reads and verifies all times. Opening a base does not: each block is verified when it is
    /// read.
    ///
    /// # Errors
    /// [`FileError`] when a block cannot be read or is damaged.
    pub fn verify_times(&self) -> Result<(), FileError> {
        match &*self.times {
            Times::File(times) => times.verify(),
            Times::Memory(_) => Ok(()),
        }
    }

    /// Returns the identity of the input that the base was built from.
    #[must_use]
    pub fn lineage(&self) -> LineageId {
        self.lineage
    }

    /// Returns the number of nodes. Every node index of the base is below it.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.sections.member_ids.len() as u32
    }

    /// Returns the number of members that exist.
    #[must_use]
    pub fn member_count(&self) -> u64 {
        u64::from(self.node_count()) - self.sections.absent.len()
    }

    /// Returns the number of connections.
    #[must_use]
    pub fn connection_count(&self) -> u64 {
        self.sections.targets.len() as u64 / 2
    }

    /// Returns the bytes of the hot arrays: those mapped from a file, and those in memory.
    #[must_use]
    pub fn bytes(&self) -> BaseBytes {
        let offsets = match &self.sections.offsets {
            Offsets::Narrow(offsets) => offsets.bytes(),
            Offsets::Wide(offsets) => offsets.bytes(),
        };
        let arrays = offsets
            + self.sections.targets.bytes()
            + self.sections.member_ids.bytes()
            + self.sections.nodes_by_id.bytes();
        let (mapped, in_memory) = if self.sections.targets.is_mapped() {
            (arrays, 0)
        } else {
            (0, arrays)
        };
        let times = match &*self.times {
            Times::File(times) => times.memory_bytes(),
            Times::Memory(times) => times.len() as u64 * 8,
        };
        BaseBytes {
            mapped,
            memory: in_memory
                + self.lookup.bytes()
                + self.sections.absent.bytes() as u64
                + times
                + self.policy.memory_bytes(),
        }
    }

    /// Returns the node of a member of the base.
    pub(crate) fn find(&self, member: MemberId) -> Option<NodeIndex> {
        self.lookup
            .find(self.ids(), member.get())
            .map(NodeIndex::new)
    }

    /// Prefetches what [`find`](Self::find) reads of each member.
    pub(crate) fn read_ids_ahead(&self, members: &[MemberId]) {
        let members = members.iter().map(|member| member.get());
        self.lookup.read_ahead(self.ids(), members);
    }

    /// Prefetches the bounds of the node's row.
    #[inline]
    pub(crate) fn read_bounds_ahead(&self, node: NodeIndex) {
        match &self.sections.offsets {
            Offsets::Narrow(offsets) => read_ahead(offsets, node.index()),
            Offsets::Wide(offsets) => read_ahead(offsets, node.index()),
        }
    }

    /// Returns the member at a node of the base.
    pub(crate) fn member(&self, node: NodeIndex) -> MemberId {
        member_checked_before(self.sections.member_ids[node.index()])
    }

    /// Returns whether the member at a node of the base exists.
    #[inline]
    pub(crate) fn exists(&self, node: NodeIndex) -> bool {
        self.sections.absent.is_empty() || !self.sections.absent.contains(node.get())
    }

    /// Returns the member ids by node.
    pub(crate) fn member_ids(&self) -> &[u64] {
        &self.sections.member_ids
    }

    /// Returns the ids and their order.
    pub(crate) fn ids(&self) -> IdOrder<'_> {
        IdOrder::new(&self.sections.member_ids, &self.sections.nodes_by_id)
    }

    /// Returns the number of nodes, from node 0 up, whose ids ascend: all of them, unless members
    /// were added in another order or nodes were numbered by community.
    pub(crate) fn ascending_nodes(&self) -> u32 {
        self.ascending_nodes
    }

    /// Returns the first of the [`ascending_nodes`](Self::ascending_nodes) whose member is above
    /// `member`, or their number if there is none.
    pub(crate) fn first_ascending_above(&self, member: MemberId) -> u32 {
        let ascending = self
            .sections
            .member_ids
            .get(..self.ascending_nodes as usize);
        let above = |ids: &[u64]| ids.partition_point(|&id| id <= member.get());
        ascending.map_or(0, above) as u32
    }

    /// Returns the nodes in ascending order of member id, and whether nodes are numbered in that
    /// order.
    pub(crate) fn nodes_by_id(&self) -> (impl Iterator<Item = u32> + '_, bool) {
        let ids = self.ids();
        let nodes = (0..self.node_count()).map(move |rank| ids.node(rank));
        (nodes, ids.is_node_order())
    }

    /// Returns the number of targets in all rows.
    pub(crate) fn target_count(&self) -> u64 {
        self.sections.targets.len() as u64
    }

    /// Returns the neighbours of a node in the base, ascending. Empty for a node that the base does
    /// not have.
    #[inline]
    pub(crate) fn row(&self, node: NodeIndex) -> &[u32] {
        let (start, end) = self.row_bounds(node);
        &self.sections.targets[start..end]
    }

    /// Returns whether the base connects the two nodes.
    pub(crate) fn connected(&self, one: NodeIndex, other: NodeIndex) -> bool {
        let (row, of_other) = (self.row(one), self.row(other));
        if row.len() <= of_other.len() {
            row.binary_search(&other.get()).is_ok()
        } else {
            of_other.binary_search(&one.get()).is_ok()
        }
    }

    /// Returns the times of [`row`](Self::row), in its order. Reads and verifies the file.
    pub(crate) fn row_times(&self, node: NodeIndex) -> Result<Vec<u64>, FileError> {
        self.times_of_rows(node.get()..node.get() + 1, None)
    }

    /// Returns the times of the targets at these places of the node's row, which ascend. Reads and
    /// verifies the blocks that hold them, blocks next to each other by one read.
    pub(crate) fn times_of_places(
        &self,
        node: NodeIndex,
        places: &[usize],
    ) -> Result<Vec<u64>, FileError> {
        let (start, _) = self.row_bounds(node);
        let file = match &*self.times {
            Times::File(file) => file,
            Times::Memory(times) => {
                return Ok(places.iter().map(|place| times[start + place]).collect());
            }
        };
        let mut found = Vec::with_capacity(places.len());
        for near in places_by_read(places) {
            if let (Some(&first), Some(&last)) = (near.first(), near.last()) {
                let times = file.read((start + first) as u64..(start + last) as u64 + 1)?;
                found.extend(near.iter().map(|place| times[place - first]));
            }
        }
        Ok(found)
    }

    /// Returns the number of times that [`times_of_places`](Self::times_of_places) reads, without
    /// those of other rows.
    pub(crate) fn times_cost(&self, node: NodeIndex, places: &[usize]) -> usize {
        let read = |near: &[usize]| {
            let span = near
                .last()
                .zip(near.first())
                .map_or(0, |(last, first)| last - first);
            span + TIMES_PER_BLOCK as usize
        };
        let read: usize = places_by_read(places).map(read).sum();
        read.min(self.row(node).len())
    }

    /// Returns a reader for the times of all rows, to be read in order. `None` for a base in
    /// memory.
    pub(crate) fn times_reader(&self) -> Result<Option<BlockReader>, FileError> {
        match &*self.times {
            Times::File(times) => times.reader().map(Some),
            Times::Memory(_) => Ok(None),
        }
    }

    /// Returns the times of the rows of these nodes, concatenated. A node that the base does not
    /// have adds nothing. Reads through `reader` when there is one.
    pub(crate) fn times_of_rows(
        &self,
        nodes: Range<u32>,
        reader: Option<&mut BlockReader>,
    ) -> Result<Vec<u64>, FileError> {
        let nodes = nodes.start..nodes.end.min(self.node_count());
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let (start, _) = self.row_bounds(NodeIndex::new(nodes.start));
        let (_, end) = self.row_bounds(NodeIndex::new(nodes.end - 1));
        let targets = start as u64..end as u64;
        match (&*self.times, reader) {
            (Times::File(times), Some(reader)) => times.read_in_order(targets, reader),
            (Times::File(times), None) => times.read(targets),
            (Times::Memory(times), _) => Ok(times[start..end].to_vec()),
        }
    }

    #[inline]
    fn row_bounds(&self, node: NodeIndex) -> (usize, usize) {
        let node = node.index();
        match &self.sections.offsets {
            Offsets::Narrow(offsets) => match offsets.get(node..) {
                Some([start, end, ..]) => (*start as usize, *end as usize),
                _ => (0, 0),
            },
            Offsets::Wide(offsets) => match offsets.get(node..) {
                Some([start, end, ..]) => (*start as usize, *end as usize),
                _ => (0, 0),
            },
        }
    }
}

/// Groups ascending places whose times stand in the same block or in adjacent ones.
fn places_by_read(places: &[usize]) -> impl Iterator<Item = &[usize]> {
    places.chunk_by(|one, next| ((next - one) as u64) < TIMES_PER_BLOCK)
}

/// The memory of a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseBytes {
    /// Bytes mapped from files.
    pub mapped: u64,
    /// Bytes allocated.
    pub memory: u64,
}

impl std::fmt::Debug for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (members, connections) = (self.member_count(), self.connection_count());
        write!(
            f,
            "Base({}, {members} members, {connections} connections)",
            self.lineage
        )
    }
}
