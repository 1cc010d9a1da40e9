//! A graph's files as plain arrays, for rewriting the graph with its nodes in another order.
//! Queries use [`Graph`](crate::Graph) instead.

use std::{ops::Range, path::Path};

use crate::{
    base::{
        base_graph::Offsets,
        csr::Offset,
        graph_file::{GraphFile, GraphSections},
        times_file,
    },
    files::{file_error::FileError, manifest::Manifest},
    memory::shared_array::Array,
};

/// The rows of a graph, mapped. `times.bin` is mapped too but not verified, because the same
/// process has just written it.
pub struct GraphArrays {
    sections: GraphSections,
    times: Array<u64>,
}

impl GraphArrays {
    /// Maps the files that the manifest names, and verifies the graph.
    ///
    /// # Errors
    /// [`FileError`] when a file is missing, damaged, or not the one that the manifest names.
    pub fn open(directory: &Path, manifest: &Manifest) -> Result<Self, FileError> {
        let sections = GraphFile::open(directory, manifest)?.sections()?;
        let times = times_file::map(directory, sections.targets.len() as u64)?;
        Ok(Self { sections, times })
    }

    /// Returns the number of nodes. Every node index is below it.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.sections.member_ids.len() as u32
    }

    /// Returns a node's neighbours, ascending. Panics for a node out of range.
    #[must_use]
    pub fn row(&self, node: u32) -> &[u32] {
        &self.sections.targets[self.range(node)]
    }

    /// Returns the times of [`row`](Self::row), in its order: milliseconds since 1970, 0 when
    /// unknown.
    #[must_use]
    pub fn times(&self, node: u32) -> &[u64] {
        &self.times[self.range(node)]
    }

    fn range(&self, node: u32) -> Range<usize> {
        let node = node as usize;
        match &self.sections.offsets {
            Offsets::Narrow(offsets) => bounds(offsets, node),
            Offsets::Wide(offsets) => bounds(offsets, node),
        }
    }
}

fn bounds<O: Offset>(offsets: &[O], node: usize) -> Range<usize> {
    offsets[node].get() as usize..offsets[node + 1].get() as usize
}
