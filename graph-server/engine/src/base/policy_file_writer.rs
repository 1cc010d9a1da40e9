//! Writes `policy.bin`, section by section.

use std::path::Path;

use zerocopy::IntoBytes;

use crate::{
    base::{
        policy_file::{FORMAT_VERSION, FileRestriction, HEADER_BYTES, Header, MAGIC, POLICY_NAME},
        policy_row::{Meaning, PolicyWord},
    },
    files::{
        file_error::FileError,
        manifest::{FileRole, ManifestFile},
        section_writer::SectionWriter,
    },
    node_index::NodeIndex,
};
use cloud_model::LineageId;

/// The bytes that are collected before they are written.
const BYTES_AT_ONCE: usize = 1 << 20;

/// Writes and syncs the rows of these nodes, which ascend and have words. Without nodes, nothing is
/// written. `row` returns a node's row; it is called for each section, so that a row at a time is
/// in memory.
pub(crate) fn write_policy(
    directory: &Path,
    lineage: LineageId,
    nodes: &[NodeIndex],
    row: impl Fn(NodeIndex) -> Vec<PolicyWord>,
) -> Result<Option<ManifestFile>, FileError> {
    if nodes.is_empty() {
        return Ok(None);
    }
    let mut file = SectionWriter::create(directory, FileRole::Policy, POLICY_NAME, HEADER_BYTES)?;
    file.bypass_cache();
    let mut sections = Sections { file, nodes, row };
    let (nodes, nodes_crc32c) = sections.write(4, |bytes, node, row| {
        if blocks(row).next().is_some() {
            bytes.extend_from_slice(node.get().as_bytes());
        }
    })?;
    let mut end = 0_u64;
    let (_, places_crc32c) = sections.write(8, |bytes, _, row| {
        let of_row = blocks(row).count() as u64;
        end += of_row;
        if of_row > 0 {
            bytes.extend_from_slice(end.as_bytes());
        }
    })?;
    let (ends, others_crc32c) = sections.write(4, |bytes, _, row| {
        blocks(row).for_each(|(other, _)| bytes.extend_from_slice(other.as_bytes()));
    })?;
    let (_, directions_crc32c) = sections.write(1, |bytes, _, row| {
        bytes.extend(blocks(row).map(|(_, direction)| direction));
    })?;
    let (restrictions, restrictions_crc32c) = sections.write(16, |bytes, node, row| {
        for word in row {
            if let Some(Meaning::Restriction(kind, ends_at)) = word.meaning() {
                let restriction = FileRestriction {
                    node: node.get(),
                    kind: kind.get().into(),
                    ends_at,
                };
                bytes.extend_from_slice(restriction.as_bytes());
            }
        }
    })?;
    let (closed_lists, closed_lists_crc32c) = sections.write(4, |bytes, node, row| {
        if row
            .iter()
            .any(|word| word.meaning() == Some(Meaning::ClosedList))
        {
            bytes.extend_from_slice(node.get().as_bytes());
        }
    })?;
    let mut header = Header {
        magic: MAGIC,
        format_version: FORMAT_VERSION,
        zero: 0,
        lineage_id: lineage.to_be_bytes(),
        nodes,
        ends,
        restrictions,
        closed_lists,
        nodes_crc32c,
        places_crc32c,
        others_crc32c,
        directions_crc32c,
        restrictions_crc32c,
        closed_lists_crc32c,
        reserved: [0; 36],
        header_crc32c: 0,
    };
    header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    sections.file.finish(header.as_bytes()).map(Some)
}

/// Returns the others of a row with blocks, and the directions.
fn blocks(row: &[PolicyWord]) -> impl Iterator<Item = (u32, u8)> + '_ {
    row.iter().filter_map(|word| match word.meaning() {
        Some(Meaning::Blocks(other, blocks)) => Some((other.get(), blocks.direction())),
        _ => None,
    })
}

/// A file whose sections are each written from all rows.
struct Sections<'a, F> {
    file: SectionWriter,
    nodes: &'a [NodeIndex],
    row: F,
}

impl<F: Fn(NodeIndex) -> Vec<PolicyWord>> Sections<'_, F> {
    /// Writes a section of numbers of this width, which `push` appends for each row. Returns their
    /// count and the checksum.
    fn write(
        &mut self,
        width: u64,
        mut push: impl FnMut(&mut Vec<u8>, NodeIndex, &[PolicyWord]),
    ) -> Result<(u64, u32), FileError> {
        let (mut bytes, mut written) = (Vec::new(), 0);
        for &node in self.nodes {
            push(&mut bytes, node, &(self.row)(node));
            if bytes.len() >= BYTES_AT_ONCE {
                written += bytes.len() as u64;
                self.file.write(&bytes)?;
                bytes.clear();
            }
        }
        written += bytes.len() as u64;
        self.file.write(&bytes)?;
        Ok((written / width, self.file.end_section()?))
    }
}
