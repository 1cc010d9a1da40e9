//! `graph.csr`: everything a traversal reads, mapped and verified when it is opened.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDGRAPH"
//!    8     4  format version: 3; version 2 has zeros from byte 68 on, and no absent nodes
//!   12     4  width of an offset in bytes: 4, or 8 when the input could exceed 2^32 - 1 targets
//!   16    16  lineage id
//!   32     8  nodes
//!   40     8  targets: two for each connection
//!   48     4  order of the nodes: 0 ascending by member id, 1 any other
//!   52     4  CRC-32C of the offsets, padding included; the next three likewise
//!   56     4  CRC-32C of the targets
//!   60     4  CRC-32C of the member ids
//!   64     4  CRC-32C of the nodes by id
//!   68     4  CRC-32C of the absent nodes
//!   72     8  absent nodes
//!   80    44  zeros
//!  124     4  CRC-32C of bytes 0 to 123
//!  128        offsets:      (nodes + 1) x width, padded with zeros to a multiple of 64
//!             targets:      targets x 4, padded likewise
//!             member ids:   by node, nodes x 8, padded likewise
//!             nodes by id:  in ascending order of member id, nodes x 4, padded likewise;
//!                           nothing in order 0
//!             absent nodes: those whose member was removed and has not come back, or whose id only
//!                           policy names, ascending, 4 each, padded likewise
//! ```
//!
//! A file is written before its directory gets its final name, so a crash leaves no half-written
//! file behind. Every byte is under a checksum, and the header determines the length. After the
//! checksums, the arrays are checked to be a graph. An opened file therefore cannot lead a
//! traversal outside its arrays.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    base::{
        base_graph::Offsets,
        csr::{Offset, check_absent, check_graph},
        id_order::IdOrder,
    },
    files::{
        content_error::ContentError,
        file_error::FileError,
        file_identity::{check_lineage, check_start, check_whole, named_file, open_map},
        manifest::{Manifest, ManifestFile},
        section_writer::{ALIGNMENT, padded},
    },
    memory::shared_array::{Array, FileBytes},
    sets::node_set::NodeSet,
};
use cloud_model::LineageId;

/// The graph's name in a snapshot directory.
pub const GRAPH_NAME: &str = "graph.csr";

const MAGIC: [u8; 8] = *b"CLDGRAPH";
const FORMAT_VERSION: u32 = 3;
const FORMAT_VERSIONS_READ: RangeInclusive<u32> = 2..=FORMAT_VERSION;
/// The place in the header of the number of absent nodes, since version 3.
const ABSENT_NODES_AT: u64 = 72;
pub(crate) const HEADER_BYTES: usize = 128;
/// Nodes ascend by member id, and the file has no list of nodes by id.
const ORDER_BY_ID: u32 = 0;
/// Nodes are numbered in another order, and the file lists them by id.
const ORDER_OTHER: u32 = 1;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    format_version: u32,
    offset_width: u32,
    lineage_id: [u8; 16],
    nodes: u64,
    targets: u64,
    node_order: u32,
    offsets_crc32c: u32,
    targets_crc32c: u32,
    member_ids_crc32c: u32,
    nodes_by_id_crc32c: u32,
    absent_nodes_crc32c: u32,
    absent_nodes: u64,
    reserved: [u8; 44],
    header_crc32c: u32,
}

const _: () = assert!(std::mem::size_of::<Header>() == HEADER_BYTES);

/// The fields of a header, except its lineage.
pub(crate) struct Contents {
    pub(crate) offset_width: u32,
    pub(crate) nodes: u64,
    pub(crate) targets: u64,
    pub(crate) is_in_id_order: bool,
    pub(crate) offsets_crc32c: u32,
    pub(crate) targets_crc32c: u32,
    pub(crate) member_ids_crc32c: u32,
    pub(crate) nodes_by_id_crc32c: u32,
    pub(crate) absent_nodes: u64,
    pub(crate) absent_nodes_crc32c: u32,
}

/// Encodes a header.
pub(crate) fn header(lineage: LineageId, contents: &Contents) -> [u8; HEADER_BYTES] {
    let mut header = Header {
        magic: MAGIC,
        format_version: FORMAT_VERSION,
        offset_width: contents.offset_width,
        lineage_id: lineage.get().to_be_bytes(),
        nodes: contents.nodes,
        targets: contents.targets,
        node_order: if contents.is_in_id_order {
            ORDER_BY_ID
        } else {
            ORDER_OTHER
        },
        offsets_crc32c: contents.offsets_crc32c,
        targets_crc32c: contents.targets_crc32c,
        member_ids_crc32c: contents.member_ids_crc32c,
        nodes_by_id_crc32c: contents.nodes_by_id_crc32c,
        absent_nodes_crc32c: contents.absent_nodes_crc32c,
        absent_nodes: contents.absent_nodes,
        reserved: [0; 44],
        header_crc32c: 0,
    };
    header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    zerocopy::transmute!(header)
}

/// The arrays of an opened file.
pub(crate) struct GraphSections {
    pub(crate) member_ids: Array<u64>,
    pub(crate) nodes_by_id: Array<u32>,
    pub(crate) offsets: Offsets,
    pub(crate) targets: Array<u32>,
    /// The nodes whose members do not exist.
    pub(crate) absent: NodeSet,
}

/// An opened and verified file.
pub(crate) struct GraphFile {
    path: PathBuf,
    named: ManifestFile,
    bytes: FileBytes,
    layout: Layout,
    offset_width: u32,
}

impl GraphFile {
    /// Maps the file that the manifest names, and verifies it.
    pub(crate) fn open(snapshot: &Path, manifest: &Manifest) -> Result<Self, FileError> {
        let path = snapshot.join(GRAPH_NAME);
        let named = named_file(snapshot, manifest, GRAPH_NAME)?;
        let bytes = open_map(&path, named)?;
        let header = read_header(&path, &bytes, manifest.lineage_id)?;
        let file = Self {
            named: named.clone(),
            layout: Layout::of(&header),
            offset_width: header.offset_width,
            path,
            bytes,
        };
        file.check_sums(&header)?;
        file.check_graph()?;
        Ok(file)
    }

    /// Returns the file with the same bytes elsewhere, which have this checksum.
    pub(crate) fn moved(&self, bytes: FileBytes, crc32c: u32) -> Result<Self, FileError> {
        check_whole(&self.path, &self.named, crc32c)?;
        Ok(Self {
            path: self.path.clone(),
            named: self.named.clone(),
            bytes,
            ..*self
        })
    }

    /// Returns the whole file, if it is mapped.
    pub(crate) fn mapped(&self) -> Option<&[u8]> {
        self.bytes.is_mapped().then_some(&*self.bytes)
    }

    /// Returns the arrays.
    pub(crate) fn sections(&self) -> Result<GraphSections, FileError> {
        let layout = &self.layout;
        Ok(GraphSections {
            member_ids: self.array(layout.member_ids)?,
            nodes_by_id: self.array(layout.nodes_by_id)?,
            offsets: match self.offset_width {
                4 => Offsets::Narrow(self.array(layout.offsets)?),
                _ => Offsets::Wide(self.array(layout.offsets)?),
            },
            targets: self.array(layout.targets)?,
            absent: NodeSet::from_ascending(&self.array::<u32>(layout.absent_nodes)?),
        })
    }

    fn check_sums(&self, header: &Header) -> Result<(), FileError> {
        let (path, layout) = (&self.path, &self.layout);
        if layout.end != Some(self.bytes.len() as u64) {
            return Err(FileError::damaged(
                path,
                32,
                "the file's length does not follow from its counts",
            ));
        }
        let mut whole = crc32c::crc32c(header.as_bytes());
        let sections = [
            ("offsets", layout.offsets, header.offsets_crc32c),
            ("targets", layout.targets, header.targets_crc32c),
            ("member ids", layout.member_ids, header.member_ids_crc32c),
            ("nodes by id", layout.nodes_by_id, header.nodes_by_id_crc32c),
            (
                "absent nodes",
                layout.absent_nodes,
                header.absent_nodes_crc32c,
            ),
        ];
        for (name, Section { at, bytes }, expected) in sections {
            let length = padded(bytes) as usize;
            let found = crc32c::crc32c(&self.bytes[at as usize..at as usize + length]);
            if found != expected {
                return Err(FileError::damaged(
                    path,
                    at,
                    format!("checksum of the {name} is {found:08x}, not {expected:08x}"),
                ));
            }
            whole = crc32c::crc32c_combine(whole, found, length);
        }
        check_whole(path, &self.named, whole)
    }

    fn check_graph(&self) -> Result<(), FileError> {
        let layout = &self.layout;
        let member_ids: Array<u64> = self.array(layout.member_ids)?;
        let nodes_by_id: Array<u32> = self.array(layout.nodes_by_id)?;
        let ids = IdOrder::new(&member_ids, &nodes_by_id);
        let checked = match self.offset_width {
            4 => self.check_rows(ids, &self.array::<u32>(layout.offsets)?)?,
            _ => self.check_rows(ids, &self.array::<u64>(layout.offsets)?)?,
        };
        let width = u64::from(self.offset_width);
        checked.map_err(|error| {
            let offset = match error {
                ContentError::MemberIdsNotAscending { node, .. } => {
                    layout.member_ids.at + node as u64 * 8
                }
                ContentError::NodesByIdNotAscending { rank, .. } => {
                    layout.nodes_by_id.at + rank as u64 * 4
                }
                ContentError::OffsetsNotAscending { node, .. } => {
                    layout.offsets.at + node as u64 * width
                }
                ContentError::WrongRow { .. } => layout.targets.at,
                ContentError::WrongAbsent { rank, .. } => layout.absent_nodes.at + rank as u64 * 4,
                _ => 0,
            };
            FileError::damaged(&self.path, offset, error.to_string())
        })
    }

    fn check_rows<O: Offset>(
        &self,
        ids: IdOrder<'_>,
        offsets: &[O],
    ) -> Result<Result<(), ContentError>, FileError> {
        let targets: Array<u32> = self.array(self.layout.targets)?;
        let absent: Array<u32> = self.array(self.layout.absent_nodes)?;
        let checked = check_graph(ids, offsets, &targets);
        Ok(checked.and_then(|()| check_absent(offsets, &absent)))
    }

    fn array<T: FromBytes + Immutable>(
        &self,
        Section { at, bytes }: Section,
    ) -> Result<Array<T>, FileError> {
        let array = self.bytes.array(at as usize..(at + bytes) as usize);
        let reason = "a section is outside the file or not aligned";
        array.ok_or_else(|| FileError::damaged(&self.path, at, reason))
    }
}

/// The places of the sections.
#[derive(Clone, Copy)]
struct Layout {
    offsets: Section,
    targets: Section,
    member_ids: Section,
    nodes_by_id: Section,
    absent_nodes: Section,
    /// The end of the last section. `None` when it is beyond 64 bits.
    end: Option<u64>,
}

/// The place of a section in the file, without its padding.
#[derive(Clone, Copy)]
struct Section {
    at: u64,
    bytes: u64,
}

impl Layout {
    fn of(header: &Header) -> Self {
        let mut end = Some(HEADER_BYTES as u64);
        let mut next = |count: Option<u64>, width: u64| {
            let bytes = count.and_then(|count| count.checked_mul(width));
            let section = Section {
                at: end.unwrap_or(0),
                bytes: bytes.unwrap_or(0),
            };
            end = bytes
                .and_then(|bytes| bytes.checked_next_multiple_of(ALIGNMENT))
                .and_then(|bytes| end?.checked_add(bytes));
            section
        };
        let in_list = match header.node_order {
            ORDER_BY_ID => 0,
            _ => header.nodes,
        };
        let offsets = next(header.nodes.checked_add(1), u64::from(header.offset_width));
        let targets = next(Some(header.targets), 4);
        let member_ids = next(Some(header.nodes), 8);
        let nodes_by_id = next(Some(in_list), 4);
        let absent_nodes = next(Some(header.absent_nodes), 4);
        Self {
            offsets,
            targets,
            member_ids,
            nodes_by_id,
            absent_nodes,
            end,
        }
    }
}

fn read_header(path: &Path, bytes: &[u8], lineage: LineageId) -> Result<Header, FileError> {
    let header = Header::read_from_prefix(bytes);
    let (header, _) = header.map_err(|_| FileError::WrongKind {
        path: path.to_owned(),
        kind: "graph",
    })?;
    check_start(
        path,
        "graph",
        &header.magic,
        &MAGIC,
        header.format_version,
        FORMAT_VERSIONS_READ,
    )?;
    let found = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    if found != header.header_crc32c {
        return Err(FileError::damaged(
            path,
            0,
            "checksum of the header does not match",
        ));
    }
    check_lineage(path, lineage, header.lineage_id)?;
    if !matches!(header.offset_width, 4 | 8) {
        return Err(FileError::damaged(
            path,
            12,
            format!("offsets of {} bytes, not 4 or 8", header.offset_width),
        ));
    }
    if header.format_version < 3 && header.absent_nodes != 0 {
        let reason = "absent nodes, which version 2 does not have";
        return Err(FileError::damaged(path, ABSENT_NODES_AT, reason));
    }
    if !matches!(header.node_order, ORDER_BY_ID | ORDER_OTHER) {
        return Err(FileError::damaged(
            path,
            48,
            format!("order {} of the nodes, not 0 or 1", header.node_order),
        ));
    }
    Ok(header)
}
