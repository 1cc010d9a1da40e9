//! Writes a graph into a snapshot as its rows come, in node order: neither the targets nor the times are ever in memory as a whole.
//!
//! The header of each file waits for the lineage, which is a hash of all content: [`GraphWriter::finish`] says what the graph
//! adds to it, [`UnsealedGraph::seal`] takes it. Until then nothing opens the files.

use std::path::Path;

use crate::{
    base::{
        csr::{GraphContent, check_count},
        digest::LineageHasher,
        graph_file::GRAPH_NAME,
        graph_file_writer::{GraphFileWriter, UnsealedGraphFile},
        times_file::{TimesWriter, UnsealedTimes},
    },
    files::{content_error::ContentError, file_error::FileError, manifest::ManifestFile},
};
use cloud_model::LineageId;

/// `graph.csr` and `times.bin` in the making. Keeps 4 bytes a node in memory.
pub struct GraphWriter {
    graph: GraphFileWriter,
    times: TimesWriter,
}

/// Both files with everything but the lineage.
pub struct UnsealedGraph {
    graph: UnsealedGraphFile,
    times: UnsealedTimes,
}

impl GraphWriter {
    /// Creates both files in `directory`. `targets_max` decides how wide the offsets are: the same graph with the same bound
    /// becomes the same bytes.
    pub fn create(directory: &Path, nodes: u32, targets_max: u64) -> Result<Self, FileError> {
        Ok(Self {
            graph: GraphFileWriter::create(directory, nodes, targets_max)?,
            times: TimesWriter::create(directory)?,
        })
    }

    /// The rows of the next nodes: how long each is, and their targets one behind the other, each row ascending. `times`
    /// (milliseconds since 1970, 0 when unknown) is aligned with the targets, or `None` when all are unknown.
    ///
    /// # Errors
    /// When this is no part of a graph; or what the system says.
    pub fn push(
        &mut self,
        degrees: &[u32],
        targets: &[u32],
        times: Option<&[u64]>,
    ) -> Result<(), FileError> {
        self.graph.push(degrees, targets)?;
        match times {
            Some(times) => {
                check_count("times", targets.len() as u64, times.len() as u64)
                    .map_err(|source| self.graph.refused(source))?;
                self.times.push(times)
            }
            None => self.times.push_unknown(targets.len()),
        }
    }

    /// Writes what is left but the headers. For the arguments see [`GraphContent::member_ids`] and
    /// [`GraphContent::nodes_by_id`].
    ///
    /// # Errors
    /// When this is no graph; or what the system says.
    pub fn finish(
        self,
        member_ids: &[u64],
        nodes_by_id: &[u32],
    ) -> Result<UnsealedGraph, FileError> {
        Ok(UnsealedGraph {
            graph: self.graph.finish(member_ids, nodes_by_id)?,
            times: self.times.finish()?,
        })
    }
}

impl GraphWriter {
    /// From here on, what is written goes past the system's cache: quicker where memory is scarce or has to be fetched from a host,
    /// and nobody else's files are driven out of it.
    pub fn bypass_cache(&mut self) {
        self.graph.bypass_cache();
        self.times.bypass_cache();
    }

    /// The same as [`finish`](Self::finish), for a graph that is changed a little: see
    /// [`GraphFileWriter::finish_in_parts`].
    pub(crate) fn finish_in_parts(
        self,
        member_ids: &[&[u64]],
        nodes_by_id: impl Iterator<Item = u32>,
        absent: &[u32],
    ) -> Result<UnsealedGraph, FileError> {
        Ok(UnsealedGraph {
            graph: self
                .graph
                .finish_in_parts(member_ids, nodes_by_id, absent)?,
            times: self.times.finish()?,
        })
    }
}

impl UnsealedGraph {
    /// Adds the graph's sections, as [`LineageHasher::graph`] does.
    pub fn add_to(&self, lineage: &mut LineageHasher) {
        lineage.section("member_ids", self.graph.member_ids);
        lineage.section("offsets", self.graph.offsets);
        lineage.section("targets", self.graph.targets);
        lineage.section("times", self.times.digest);
    }

    /// The arrays of `graph.csr` and their bytes, in the order in which they stand.
    pub fn graph_sections(&self) -> Vec<(&'static str, u64)> {
        self.graph.sections()
    }

    /// Writes the headers and syncs both files (not the directory).
    pub fn seal(self, lineage: LineageId) -> Result<Vec<ManifestFile>, FileError> {
        Ok(vec![self.graph.seal(lineage)?, self.times.seal(lineage)?])
    }
}

/// Writes `graph.csr` and `times.bin` into `directory` and syncs both (not the directory). The content is checked first.
pub fn write_graph(
    directory: &Path,
    lineage: LineageId,
    content: &GraphContent<'_>,
) -> Result<Vec<ManifestFile>, FileError> {
    /// A row is not split, so a hub's is as long as it is.
    const ROWS: usize = 1 << 12;
    let refused = |source: ContentError| FileError::Content {
        path: directory.join(GRAPH_NAME),
        source,
    };
    content.check().map_err(refused)?;
    let nodes = content.member_ids.len() as u32;
    let mut writer = GraphWriter::create(directory, nodes, content.targets.len() as u64)?;
    for first in (0..nodes as usize).step_by(ROWS) {
        let offsets = &content.offsets[first..(first + ROWS).min(nodes as usize) + 1];
        let degrees: Vec<u32> = offsets
            .windows(2)
            .map(|ends| (ends[1] - ends[0]) as u32)
            .collect();
        let range = offsets[0] as usize..offsets[degrees.len()] as usize;
        writer.push(
            &degrees,
            &content.targets[range.clone()],
            Some(&content.times[range]),
        )?;
    }
    let unsealed = writer.finish(content.member_ids, content.nodes_by_id)?;
    unsealed.seal(lineage)
}
