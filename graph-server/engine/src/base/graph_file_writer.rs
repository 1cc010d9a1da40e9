//! Writes `graph.csr` while the rows arrive. `graph_file.rs` holds the table of its bytes.
//!
//! The targets are written at their final place, behind the space for the offsets. The offsets are
//! written last, because they are known only when all rows have arrived.

use std::path::Path;

use zerocopy::IntoBytes;

use crate::{
    base::{
        csr::{check_count, check_row},
        digest::{ContentDigest, ContentHasher},
        graph_file::{Contents, GRAPH_NAME, HEADER_BYTES, header},
        id_order::IdOrder,
    },
    files::{
        content_error::ContentError,
        file_error::FileError,
        manifest::{FileRole, ManifestFile},
        section_writer::{SectionWriter, padded},
    },
};
use cloud_model::LineageId;

/// The count of numbers that are encoded before they are written.
const NUMBERS_AT_ONCE: usize = 1 << 16;

/// A file being written: rows in node order, each node once.
pub(crate) struct GraphFileWriter {
    file: SectionWriter,
    nodes: u64,
    offset_width: u32,
    /// The degree of each node so far. Offsets stand before the targets, but are known after them.
    degrees: Vec<u32>,
    targets: u64,
    offsets_hasher: ContentHasher,
    targets_hasher: ContentHasher,
}

/// A file that is complete except for its header.
pub(crate) struct UnsealedGraphFile {
    file: SectionWriter,
    contents: Contents,
    /// The digests of the numbers as little-endian bytes, with offsets as 8 bytes.
    pub(crate) member_ids: ContentDigest,
    pub(crate) offsets: ContentDigest,
    pub(crate) targets: ContentDigest,
}

impl GraphFileWriter {
    pub(crate) fn create(
        directory: &Path,
        nodes: u32,
        targets_max: u64,
    ) -> Result<Self, FileError> {
        let offset_width = if u32::try_from(targets_max).is_ok() {
            4
        } else {
            8
        };
        let nodes = u64::from(nodes);
        let mut file = SectionWriter::create(directory, FileRole::Graph, GRAPH_NAME, HEADER_BYTES)?;
        file.go_to(targets_at(nodes, offset_width))?;
        let mut offsets_hasher = ContentHasher::new();
        offsets_hasher.update(&0u64.to_le_bytes());
        Ok(Self {
            file,
            nodes,
            offset_width,
            degrees: Vec::with_capacity(nodes as usize),
            targets: 0,
            offsets_hasher,
            targets_hasher: ContentHasher::new(),
        })
    }

    pub(crate) fn bypass_cache(&mut self) {
        self.file.bypass_cache();
    }

    /// Appends the rows of the next nodes, concatenated.
    pub(crate) fn push(&mut self, degrees: &[u32], targets: &[u32]) -> Result<(), FileError> {
        self.check(degrees, targets)
            .map_err(|source| self.refused(source))?;
        let offsets: Vec<u64> = degrees
            .iter()
            .map(|&degree| {
                self.targets += u64::from(degree);
                self.targets
            })
            .collect();
        self.offsets_hasher.update(offsets.as_bytes());
        self.degrees.extend_from_slice(degrees);
        self.targets_hasher.update(targets.as_bytes());
        self.file.write(targets.as_bytes())
    }

    fn check(&self, degrees: &[u32], targets: &[u32]) -> Result<(), ContentError> {
        let mut rest = targets;
        for (node, &degree) in (self.degrees.len()..).zip(degrees) {
            let Some((row, behind)) = rest.split_at_checked(degree as usize) else {
                break;
            };
            check_row(node, self.nodes as usize, row)?;
            rest = behind;
        }
        let stated = degrees.iter().map(|&degree| u64::from(degree)).sum();
        check_count("targets", stated, targets.len() as u64)
    }

    /// Writes everything except the header. The arguments are those of
    /// [`GraphContent`](crate::GraphContent).
    pub(crate) fn finish(
        self,
        member_ids: &[u64],
        nodes_by_id: &[u32],
    ) -> Result<UnsealedGraphFile, FileError> {
        IdOrder::new(member_ids, nodes_by_id)
            .check()
            .map_err(|source| self.refused(source))?;
        self.finish_in_parts(&[member_ids], nodes_by_id.iter().copied(), &[])
    }

    /// Writes everything except the header, from member ids in concatenated parts, the nodes by id,
    /// and the absent nodes, ascending. Does not check the order of the ids: opening the file does.
    pub(crate) fn finish_in_parts(
        mut self,
        member_ids: &[&[u64]],
        nodes_by_id: impl Iterator<Item = u32>,
        absent: &[u32],
    ) -> Result<UnsealedGraphFile, FileError> {
        let ids = member_ids.iter().map(|part| part.len() as u64).sum();
        check_count("member ids", self.nodes, ids)
            .and_then(|()| check_count("rows", self.nodes, self.degrees.len() as u64))
            .map_err(|source| self.refused(source))?;
        let targets_crc32c = self.file.end_section()?;
        let mut member_ids_hasher = ContentHasher::new();
        for part in member_ids {
            member_ids_hasher.update(part.as_bytes());
            self.file.write(part.as_bytes())?;
        }
        let member_ids_crc32c = self.file.end_section()?;
        let listed = self.write_list(nodes_by_id)?;
        if listed > 0 {
            check_count("nodes by id", self.nodes, listed)
                .map_err(|source| self.refused(source))?;
        }
        let nodes_by_id_crc32c = self.file.end_section()?;
        self.file.write(absent.as_bytes())?;
        let absent_nodes_crc32c = self.file.end_section()?;
        self.file.go_to(HEADER_BYTES as u64)?;
        self.write_offsets()?;
        let offsets_crc32c = self.file.end_section()?;
        Ok(UnsealedGraphFile {
            contents: Contents {
                offset_width: self.offset_width,
                nodes: self.nodes,
                targets: self.targets,
                is_in_id_order: listed == 0,
                offsets_crc32c,
                targets_crc32c,
                member_ids_crc32c,
                nodes_by_id_crc32c,
                absent_nodes: absent.len() as u64,
                absent_nodes_crc32c,
            },
            file: self.file,
            member_ids: member_ids_hasher.finish(),
            offsets: self.offsets_hasher.finish(),
            targets: self.targets_hasher.finish(),
        })
    }

    /// Writes the numbers as they come, and returns their count.
    fn write_list(&mut self, mut numbers: impl Iterator<Item = u32>) -> Result<u64, FileError> {
        let mut listed = 0;
        let mut chunk = Vec::with_capacity(NUMBERS_AT_ONCE);
        loop {
            chunk.clear();
            chunk.extend(numbers.by_ref().take(NUMBERS_AT_ONCE));
            if chunk.is_empty() {
                return Ok(listed);
            }
            self.file.write(chunk.as_bytes())?;
            listed += chunk.len() as u64;
        }
    }

    pub(crate) fn refused(&self, source: ContentError) -> FileError {
        FileError::Content {
            path: self.file.path().to_owned(),
            source,
        }
    }

    fn write_offsets(&mut self) -> Result<(), FileError> {
        let mut end = 0;
        let mut write = |offsets: Vec<u64>| {
            if self.offset_width == 8 {
                return self.file.write(offsets.as_bytes());
            }
            let narrow: Vec<u32> = offsets.into_iter().map(|offset| offset as u32).collect();
            self.file.write(narrow.as_bytes())
        };
        write(vec![0])?;
        for degrees in self.degrees.chunks(NUMBERS_AT_ONCE) {
            let offsets = degrees.iter().map(|&degree| {
                end += u64::from(degree);
                end
            });
            write(offsets.collect())?;
        }
        Ok(())
    }
}

impl UnsealedGraphFile {
    /// Returns the bytes of each array, without padding, in the order of the file.
    pub(crate) fn sections(&self) -> Vec<(&'static str, u64)> {
        let Contents {
            nodes,
            targets,
            offset_width,
            is_in_id_order,
            ..
        } = self.contents;
        let nodes_by_id = if is_in_id_order { 0 } else { 4 * nodes };
        vec![
            ("offsets", (nodes + 1) * u64::from(offset_width)),
            ("targets", 4 * targets),
            ("member ids", 8 * nodes),
            ("nodes by id", nodes_by_id),
        ]
    }

    /// Writes the header and syncs the file.
    pub(crate) fn seal(self, lineage: LineageId) -> Result<ManifestFile, FileError> {
        self.file.finish(&header(lineage, &self.contents))
    }
}

fn targets_at(nodes: u64, offset_width: u32) -> u64 {
    padded(HEADER_BYTES as u64 + (nodes + 1) * u64::from(offset_width))
}
