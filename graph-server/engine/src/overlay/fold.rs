//! Writes a graph with a grown overlay as a new base, row by row, in node order.
//!
//! Nodes keep their indexes. Members that the base lacks follow its own, so member ids no longer
//! ascend by node. A member that does not exist keeps its node, without neighbours, and comes back
//! with it. The lineage stays, because every node index keeps its meaning.
//!
//! **Memory**, whatever the graph's size: 4 bytes a node, 24 a new member, 4 an absent member, 4 a
//! node with policy, and 32 for each target of a [`step`](Fold::step). A step has 32,768 targets,
//! or those of one long row. Times are read, and everything is written, past the system's cache.
//! That neither evicts other files nor delays requests meanwhile; `direct.rs` holds the reasons.

use std::path::{Path, PathBuf};

use crate::{
    base::{graph_writer::GraphWriter, policy_file_writer::write_policy},
    files::{block_reader::BlockReader, file_error::FileError, manifest::ManifestFile},
    graph::Graph,
    node_index::NodeIndex,
    overlay::summary::LastWords,
    timed_neighbours::{Connection, merge},
};
use cloud_model::ConnectionTime;

/// The targets and nodes of one step: a millisecond's work, or a long row.
const TARGETS_AT_ONCE: usize = 1 << 15;
const NODES_AT_ONCE: u32 = 1 << 13;

/// `graph.csr`, `times.bin` and `policy.bin` of a graph, being written.
pub struct Fold {
    directory: PathBuf,
    graph: Graph,
    writer: GraphWriter,
    times: Option<BlockReader>,
    /// The number of nodes whose rows are written.
    next: u32,
    absent: Vec<u32>,
    targets: u64,
}

/// The result of a fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The files; `policy.bin` only if there is any policy.
    pub files: Vec<ManifestFile>,
    /// The number of members that exist.
    pub members: u64,
    /// The number of connections.
    pub connections: u64,
}

impl Fold {
    /// Creates the files of the graph in `directory`. For a base that the writer is to use, the
    /// graph comes from [`Writer::begin_fold`](crate::Writer::begin_fold).
    ///
    /// # Errors
    /// [`FileError::Io`] when a file cannot be created or written.
    pub fn create(graph: Graph, directory: &Path) -> Result<Self, FileError> {
        let version = graph.version();
        // An entry adds one target at most.
        let targets_max =
            version.base.target_count() + u64::from(version.overlay.graph.entry_count());
        let mut writer = GraphWriter::create(directory, graph.node_bound(), targets_max)?;
        writer.bypass_cache();
        let times = version.base.times_reader()?;
        Ok(Self {
            directory: directory.to_owned(),
            times,
            graph,
            writer,
            next: 0,
            absent: Vec::new(),
            targets: 0,
        })
    }

    /// Returns the number of nodes whose rows are written, and the number of all nodes.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        (self.next, self.graph.node_bound())
    }

    /// Writes the rows of some thousand nodes, and returns whether there are more.
    ///
    /// # Errors
    /// [`FileError`] when times cannot be read or are damaged, or when a file cannot be written.
    /// The fold cannot continue then.
    pub fn step(&mut self) -> Result<bool, FileError> {
        let (version, scn) = (self.graph.version(), self.graph.scn());
        let bound = self.graph.node_bound();
        let nodes = self.next..self.next.saturating_add(NODES_AT_ONCE).min(bound);
        let mut targets_of_base = 0;
        let end = nodes.clone().find(|&node| {
            targets_of_base += version.base.row(NodeIndex::new(node)).len();
            targets_of_base > TARGETS_AT_ONCE
        });
        // A longer row takes a step by itself.
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
            let chains = &version.overlay.graph;
            if chains.is_touched(node) {
                let LastWords { words, base_counts } = LastWords::of(node, chains.chain(node, scn));
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
            if !version.exists(node, scn) {
                self.absent.push(node.get());
            }
        }
        self.targets += targets.len() as u64;
        self.writer.push(&degrees, &targets, Some(&times))?;
        self.next = nodes.end;
        Ok(self.next < bound)
    }

    /// Writes the arrays behind the rows, and what there is of policy. Syncs the files, but not the
    /// directory.
    ///
    /// # Errors
    /// [`FileError`] as for [`step`](Self::step), and when not all rows are written.
    pub fn finish(self) -> Result<Folded, FileError> {
        let (version, scn) = (self.graph.version(), self.graph.scn());
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
        let mut files = unsealed.seal(base.lineage())?;
        let nodes = version.nodes_with_policy(scn);
        let row = |node| version.policy_row(node, scn);
        files.extend(write_policy(&self.directory, base.lineage(), &nodes, row)?);
        Ok(Folded {
            files,
            members: u64::from(self.graph.node_bound()) - self.absent.len() as u64,
            connections: self.targets / 2,
        })
    }
}

/// Merges the nodes of the base and the new ones, each in order of their ids, into one order of
/// ids.
fn merged_by_id<'a>(
    of_base: impl Iterator<Item = u32> + 'a,
    ids_of_base: &'a [u64],
    new: &'a [(u64, u32)],
) -> impl Iterator<Item = u32> + 'a {
    let mut of_base = of_base.peekable();
    let mut new = new.iter().peekable();
    std::iter::from_fn(move || {
        let next_id = new.peek().map_or(u64::MAX, |(id, _)| *id);
        // Ids differ, so the largest id belongs to one side only.
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
