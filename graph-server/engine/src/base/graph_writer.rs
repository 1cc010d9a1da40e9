//! Writes a graph into a snapshot while its rows arrive, in node order. Neither all targets nor all
//! times are ever in memory.
//!
//! The header of each file holds the lineage, which is a hash of all content.
//! [`UnsealedGraph::add_to`] adds the graph's share to the lineage, and [`UnsealedGraph::seal`]
//! writes it. The files cannot be opened before that.

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

/// `graph.csr` and `times.bin` being written. Keeps 4 bytes a node in memory.
pub struct GraphWriter {
    graph: GraphFileWriter,
    times: TimesWriter,
}

/// Both files, complete except for the lineage.
pub struct UnsealedGraph {
    graph: UnsealedGraphFile,
    times: UnsealedTimes,
}

impl GraphWriter {
    /// Creates both files in `directory`. `targets_max` decides the width of the offsets. The same
    /// graph with the same bound becomes the same bytes.
    ///
    /// # Errors
    /// [`FileError::Io`] when a file cannot be created or written.
    pub fn create(directory: &Path, nodes: u32, targets_max: u64) -> Result<Self, FileError> {
        Ok(Self {
            graph: GraphFileWriter::create(directory, nodes, targets_max)?,
            times: TimesWriter::create(directory)?,
        })
    }

    /// Appends the rows of the next nodes. `degrees` holds the length of each row; `targets`
    /// concatenates the rows, each ascending. `times` (milliseconds since 1970, 0 when unknown) is
    /// aligned with the targets, or `None` when all are unknown.
    ///
    /// # Errors
    /// [`FileError`] when the rows are not part of a graph, or when a file cannot be written.
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

    /// Writes everything except the headers. The arguments are [`GraphContent::member_ids`] and
    /// [`GraphContent::nodes_by_id`].
    ///
    /// # Errors
    /// [`FileError`] when the content is not a graph, or when a file cannot be written.
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
    /// Writes past the system's file cache from here on. This is quicker where memory is scarce or
    /// must be fetched from a host, and it does not evict the files of other processes.
    pub fn bypass_cache(&mut self) {
        self.graph.bypass_cache();
        self.times.bypass_cache();
    }

    /// Writes everything except the headers, for a graph that changes little, as
    /// [`GraphFileWriter::finish_in_parts`] takes it.
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

    /// Returns the arrays of `graph.csr` and their bytes, in the order of the file.
    #[must_use]
    pub fn graph_sections(&self) -> Vec<(&'static str, u64)> {
        self.graph.sections()
    }

    /// Writes the headers and syncs both files, but not the directory.
    ///
    /// # Errors
    /// [`FileError::Io`] when a file cannot be written or synced.
    pub fn seal(self, lineage: LineageId) -> Result<Vec<ManifestFile>, FileError> {
        Ok(vec![self.graph.seal(lineage)?, self.times.seal(lineage)?])
    }
}

/// Writes `graph.csr` and `times.bin` into `directory`, after checking the content. Syncs both, but
/// not the directory.
///
/// # Errors
/// [`FileError`] when the content is not a graph, or when a file cannot be written or synced.
pub fn write_graph(
    directory: &Path,
    lineage: LineageId,
    content: &GraphContent<'_>,
) -> Result<Vec<ManifestFile>, FileError> {
    /// The number of rows that are written together. A row is not split, so a hub's row is written
    /// at its full length.
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
