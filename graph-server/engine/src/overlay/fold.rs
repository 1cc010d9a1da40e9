//! "The overlay has grown": a graph written as a new base, row by row, in node order.
//!
//! Nodes keep their indexes. Members that the base lacks stand behind its own, so member ids no longer ascend by node; one who
//! does not exist keeps the node, without neighbours, and comes back with it. The lineage stays, since nodes mean what they did.
//!
//! **Memory**, whatever the graph's size: 4 bytes a node, 24 a new member and 4 a member who does not exist; and 32 for each target
//! of a [`step`](Fold::step), which are 32,768 or those of one row. Times are read, and everything is written, past the system's cache,
//! which neither drives anything out of it nor holds up who is answered meanwhile; see `direct.rs`.

use std::path::Path;

use crate::{
    base::graph_writer::GraphWriter,
    files::{block_reader::BlockReader, file_error::FileError, manifest::ManifestFile},
    graph::Graph,
    node_index::NodeIndex,
    overlay::summary::LastWords,
    timed_neighbours::{Connection, merge},
};
use cloud_model::ConnectionTime;

/// Targets and nodes of one step: a millisecond's work, or a long row.
const TARGETS_AT_ONCE: usize = 1 << 15;
const NODES_AT_ONCE: u32 = 1 << 13;

/// `graph.csr` and `times.bin` of a graph, in the making.
pub struct Fold {
    graph: Graph,
    writer: GraphWriter,
    times: Option<BlockReader>,
    /// All nodes below are written.
    next: u32,
    absent: Vec<u32>,
    targets: u64,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Both files.
    pub files: Vec<ManifestFile>,
    /// Members that exist.
    pub members: u64,
    /// Connections.
    pub connections: u64,
}

impl Fold {
    /// Creates both files in `directory`. The graph is that of [`Writer::begin_fold`](crate::Writer::begin_fold), if the writer is
    /// to go on with the base.
    pub fn create(graph: Graph, directory: &Path) -> Result<Self, FileError> {
        let version = graph.version();
        // An entry can add a target.
        let targets_max = version.base.target_count() + u64::from(version.overlay.entry_count());
        let mut writer = GraphWriter::create(directory, graph.node_bound(), targets_max)?;
        writer.bypass_cache();
        let times = version.base.times_reader()?;
        Ok(Self {
            times,
            graph,
            writer,
            next: 0,
            absent: Vec::new(),
            targets: 0,
        })
    }

    /// How many nodes are written, and how many there are.
    pub fn progress(&self) -> (u32, u32) {
        (self.next, self.graph.node_bound())
    }

    /// Writes the rows of some thousand nodes; answers whether there are more.
    ///
    /// # Errors
    /// When times cannot be read or are damaged; or what the system says. Nothing goes on after that.
    pub fn step(&mut self) -> Result<bool, FileError> {
        let (version, scn) = (self.graph.version(), self.graph.scn());
        let bound = self.graph.node_bound();
        let nodes = self.next..self.next.saturating_add(NODES_AT_ONCE).min(bound);
        let mut targets_of_base = 0;
        let end = nodes.clone().find(|&node| {
            targets_of_base += version.base.row(NodeIndex::new(node)).len();
            targets_of_base > TARGETS_AT_ONCE
        });
        // A row that is longer stands alone.
        let nodes = nodes.start..end.map_or(nodes.end, |end| end.max(nodes.start + 1));
        let times_of_base = version
            .base
            .times_of_rows(nodes.clone(), self.times.as_mut())?;
        let mut times_of_base = times_of_base.as_slice();
        let mut degrees = Vec::with_capacity(nodes.len());
        let mut targets = Vec::with_capacity(times_of_base.len());
        let mut times = Vec::with_capacity(times_of_base.len());
        for node in nodes.clone().map(NodeIndex::new) {
            let row = version.base.row(node);
            let (row_times, behind) = times_of_base.split_at(row.len());
            times_of_base = behind;
            let before = targets.len();
            if version.overlay.is_touched(node) {
                let LastWords { words, base_counts } =
                    LastWords::of(node, version.overlay.chain(node, scn));
                let of_base = row.iter().zip(row_times).map(|(&node, &time)| Connection {
                    node: NodeIndex::new(node),
                    time: ConnectionTime::from_millis(time),
                });
                merge(of_base.filter(|_| base_counts), &words, |connection| {
                    targets.push(connection.node.get());
                    times.push(connection.time.millis());
                });
            } else {
                targets.extend_from_slice(row);
                times.extend_from_slice(row_times);
            }
            degrees.push((targets.len() - before) as u32);
            if !self.graph.exists(node) {
                self.absent.push(node.get());
            }
        }
        self.targets += targets.len() as u64;
        self.writer.push(&degrees, &targets, Some(&times))?;
        self.next = nodes.end;
        Ok(self.next < bound)
    }

    /// Writes what stands behind the rows, and syncs both files (not the directory).
    ///
    /// # Errors
    /// As [`step`](Self::step); and when not all rows are written.
    pub fn finish(self) -> Result<Folded, FileError> {
        let version = self.graph.version();
        let (base, new_members) = (&version.base, &version.overlay.new_members);
        let new_ids = new_members.ids(self.graph.node_bound() - base.node_count());
        let mut new_by_id: Vec<(u64, u32)> =
            new_ids.iter().copied().zip(base.node_count()..).collect();
        let (base_by_id, base_is_ascending) = base.nodes_by_id();
        let ids_of_base = base.member_ids();
        let is_node_order = base_is_ascending
            && new_by_id.is_sorted()
            && (new_ids.is_empty() || new_ids.first() > ids_of_base.last());
        new_by_id.sort_unstable();
        let nodes_by_id = merged_by_id(base_by_id, ids_of_base, &new_by_id);
        // Nodes in order of their ids need no list.
        let listed = if is_node_order { 0 } else { usize::MAX };
        let unsealed = self.writer.finish_in_parts(
            &[ids_of_base, &new_ids],
            nodes_by_id.take(listed),
            &self.absent,
        )?;
        Ok(Folded {
            files: unsealed.seal(base.lineage())?,
            members: u64::from(self.graph.node_bound()) - self.absent.len() as u64,
            connections: self.targets / 2,
        })
    }
}

/// The nodes of the base and the new ones, each in order of their ids, in one order of ids.
fn merged_by_id<'a>(
    of_base: impl Iterator<Item = u32> + 'a,
    ids_of_base: &'a [u64],
    new: &'a [(u64, u32)],
) -> impl Iterator<Item = u32> + 'a {
    let mut of_base = of_base.peekable();
    let mut new = new.iter().peekable();
    std::iter::from_fn(move || {
        let next_id = new.peek().map_or(u64::MAX, |(id, _)| *id);
        // Ids differ, so the largest of all is one or the other.
        let is_before = |node: &u32| new.peek().is_none() || ids_of_base[*node as usize] < next_id;
        of_base
            .next_if(is_before)
            .or_else(|| new.next().map(|(_, node)| *node))
    })
}

impl std::fmt::Debug for Fold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (written, nodes) = self.progress();
        write!(f, "Fold({:?}, {written} of {nodes} nodes)", self.graph)
    }
}
