//! `policy.bin`: who may not see whom, as of a snapshot's SCN. A snapshot without any policy has no
//! such file.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDPOLIC"
//!    8     4  format version: 1
//!   12     4  zero
//!   16    16  lineage id
//!   32     8  nodes with blocks
//!   40     8  ends of blocks: two for each pair of which one blocks the other
//!   48     8  restrictions
//!   56     8  closed lists
//!   64     4  CRC-32C of the nodes with blocks, padding included; the next five likewise
//!   68     4  CRC-32C of the places
//!   72     4  CRC-32C of the others
//!   76     4  CRC-32C of the directions
//!   80     4  CRC-32C of the restrictions
//!   84     4  CRC-32C of the closed lists
//!   88    36  zeros
//!  124     4  CRC-32C of bytes 0 to 123
//!  128        nodes:         those with blocks, 4 each, ascending; padded with zeros to a
//!                            multiple of 64
//!             places:        of each such node, where its others end, 8 each; padded likewise
//!             others:        of each such node, the nodes that it blocks or that block it,
//!                            4 each, ascending; padded likewise
//!             directions:    of each other, 1: the node blocks it, 2: it blocks the node, 3: both;
//!                            1 each; padded likewise
//!             restrictions:  node (4), kind (4), stated end in ms since 1970 or 0 (8),
//!                            ascending by node and kind; padded likewise
//!             closed lists:  nodes, 4 each, ascending; padded likewise
//! ```
//!
//! Every node is one of `graph.csr`. An id that policy names has a node there, absent if it was
//! never a member.
//!
//! Every byte is under a checksum. Content that passes the checksums is still checked before it is
//! used.

use std::path::Path;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    base::policy_row::{Blocks, CLOSED_LIST, PolicyWord},
    files::{
        file_error::FileError,
        file_identity::{check_lineage, check_start, check_whole, named_file, open_map},
        manifest::{Manifest, REQUIRES_POLICY},
        section_writer::padded,
    },
    memory::{
        large_array::{LargeArray, Purpose},
        shared_array::{Array, FileBytes},
    },
    node_index::NodeIndex,
};
use cloud_model::RestrictionKind;

/// The file's name in a snapshot.
pub const POLICY_NAME: &str = "policy.bin";

pub(crate) const MAGIC: [u8; 8] = *b"CLDPOLIC";
pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const HEADER_BYTES: usize = 128;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) format_version: u32,
    pub(crate) zero: u32,
    pub(crate) lineage_id: [u8; 16],
    pub(crate) nodes: u64,
    pub(crate) ends: u64,
    pub(crate) restrictions: u64,
    pub(crate) closed_lists: u64,
    pub(crate) nodes_crc32c: u32,
    pub(crate) places_crc32c: u32,
    pub(crate) others_crc32c: u32,
    pub(crate) directions_crc32c: u32,
    pub(crate) restrictions_crc32c: u32,
    pub(crate) closed_lists_crc32c: u32,
    pub(crate) reserved: [u8; 36],
    pub(crate) header_crc32c: u32,
}

const _: () = assert!(std::mem::size_of::<Header>() == HEADER_BYTES);

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct FileRestriction {
    pub(crate) node: u32,
    pub(crate) kind: u32,
    pub(crate) ends_at: u64,
}

/// The policy of a snapshot.
pub(crate) struct BasePolicy {
    nodes: Array<u32>,
    places: Array<u64>,
    others: Array<u32>,
    directions: Array<u8>,
    restrictions: Array<FileRestriction>,
    closed_lists: Array<u32>,
    /// A bit for each node up to the last that a restriction hides.
    hidden: LargeArray<u64>,
}

impl Default for BasePolicy {
    fn default() -> Self {
        Self {
            nodes: Vec::new().into(),
            places: Vec::new().into(),
            others: Vec::new().into(),
            directions: Vec::new().into(),
            restrictions: Vec::new().into(),
            closed_lists: Vec::new().into(),
            hidden: LargeArray::of(Purpose::Graph, Vec::new()),
        }
    }
}

impl BasePolicy {
    /// Opens the policy of a snapshot whose graph has `node_count` nodes, and verifies it
    /// completely. There is none if the manifest names no such file.
    pub(crate) fn open(
        snapshot: &Path,
        manifest: &Manifest,
        node_count: u32,
    ) -> Result<Self, FileError> {
        let is_required = manifest.requires.iter().any(|name| name == REQUIRES_POLICY);
        if !is_required && manifest.file(POLICY_NAME).is_none() {
            return Ok(Self::default());
        }
        let named = named_file(snapshot, manifest, POLICY_NAME)?;
        let path = snapshot.join(POLICY_NAME);
        let bytes = open_map(&path, named)?;
        let header = read_header(&path, &bytes, manifest)?;
        let mut policy = read_sections(&path, &bytes, &header)?;
        check_whole(&path, named, crc32c::crc32c(&bytes))?;
        let checked = policy.check(node_count);
        checked.map_err(|reason| FileError::damaged(&path, HEADER_BYTES as u64, reason))?;
        policy.hidden = policy.hidden_bits();
        Ok(policy)
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.restrictions.is_empty() && self.closed_lists.is_empty()
    }

    /// Returns whether a restriction hides the node.
    #[inline]
    pub(crate) fn hides(&self, node: NodeIndex) -> bool {
        let word = self.hidden.get(node.index() / 64);
        word.is_some_and(|word| word >> (node.get() % 64) & 1 == 1)
    }

    /// Returns whether a restriction hides some node.
    pub(crate) fn hides_some(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Returns the value of a key of the node's row. O(log n) for n nodes with policy.
    pub(crate) fn value(&self, node: NodeIndex, key: u32) -> Option<u64> {
        match key.checked_sub(CLOSED_LIST) {
            None => {
                let (others, directions) = self.blocks(node);
                let place = others.binary_search(&key).ok()?;
                Some(directions[place].into())
            }
            Some(0) => {
                let found = self.closed_lists.binary_search(&node.get());
                found.is_ok().then_some(0)
            }
            Some(kind) => {
                let restrictions = self.restrictions(node);
                let found = restrictions.binary_search_by_key(&kind, |found| found.kind);
                Some(restrictions[found.ok()?].ends_at)
            }
        }
    }

    /// Returns the node's row, ascending by key. O(log n) for n nodes with policy, and O(1) for
    /// each word.
    pub(crate) fn row(&self, node: NodeIndex) -> impl Iterator<Item = PolicyWord> + '_ {
        let (others, directions) = self.blocks(node);
        let blocks = others
            .iter()
            .zip(directions)
            .map(|(&key, &value)| PolicyWord {
                key,
                value: value.into(),
            });
        let closed = self.value(node, CLOSED_LIST);
        let closed = closed.map(|value| PolicyWord {
            key: CLOSED_LIST,
            value,
        });
        let restrictions = self.restrictions(node).iter().map(|found| PolicyWord {
            key: CLOSED_LIST + found.kind,
            value: found.ends_at,
        });
        blocks.chain(closed).chain(restrictions)
    }

    /// Returns the nodes that block others or are blocked, ascending.
    pub(crate) fn nodes_with_blocks(&self) -> &[u32] {
        &self.nodes
    }

    /// Returns the nodes against which restrictions stand, ascending.
    pub(crate) fn nodes_with_restrictions(&self) -> impl Iterator<Item = u32> + '_ {
        let of_one = |one: &FileRestriction, next: &FileRestriction| one.node == next.node;
        self.restrictions
            .chunk_by(of_one)
            .map(|found| found[0].node)
    }

    /// Returns the nodes whose lists of connections are closed, ascending.
    pub(crate) fn nodes_with_closed_lists(&self) -> &[u32] {
        &self.closed_lists
    }

    /// Returns the bytes of memory, the mapped file apart.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.hidden.bytes() as u64
    }

    /// Returns the others that the node blocks or that block it, and who blocks whom.
    pub(crate) fn blocks(&self, node: NodeIndex) -> (&[u32], &[u8]) {
        let Ok(place) = self.nodes.binary_search(&node.get()) else {
            return (&[], &[]);
        };
        let begin = place.checked_sub(1).map_or(0, |before| self.places[before]);
        let range = begin as usize..self.places[place] as usize;
        (&self.others[range.clone()], &self.directions[range])
    }

    fn restrictions(&self, node: NodeIndex) -> &[FileRestriction] {
        let begin = self
            .restrictions
            .partition_point(|found| found.node < node.get());
        let from = &self.restrictions[begin..];
        let count = from.iter().take_while(|found| found.node == node.get());
        &from[..count.count()]
    }

    fn hidden_bits(&self) -> LargeArray<u64> {
        let hiding = |found: &&FileRestriction| {
            RestrictionKind::new(found.kind).is_some_and(RestrictionKind::hides)
        };
        let hidden = || self.restrictions.iter().filter(hiding);
        let words = hidden()
            .next_back()
            .map_or(0, |last| last.node as usize / 64 + 1);
        let mut bits = LargeArray::zeroed(Purpose::Graph, words);
        for found in hidden() {
            bits[found.node as usize / 64] |= 1 << (found.node % 64);
        }
        bits
    }

    /// Checks that the arrays are rows of nodes, and that both ends of a block say the same.
    fn check(&self, node_count: u32) -> Result<(), String> {
        let ascending = |numbers: &[u32]| numbers.is_sorted_by(|one, next| one < next);
        let is_node = |node: u32| node < node_count;
        for (nodes, what) in [
            (&self.nodes, "the nodes with blocks"),
            (&self.closed_lists, "the closed lists"),
        ] {
            if !ascending(nodes) || nodes.last().is_some_and(|&last| !is_node(last)) {
                return Err(format!("{what} do not ascend, or one is out of range"));
            }
        }
        let ends = self.others.len() as u64;
        if self.places.last().copied().unwrap_or(0) != ends
            || self.places.first() == Some(&0)
            || !self.places.is_sorted_by(|one, next| one < next)
        {
            return Err("the places of the blocks are out of order".to_owned());
        }
        let mut parity = 0;
        for &node in self.nodes.iter() {
            let (others, directions) = self.blocks(NodeIndex::new(node));
            if !ascending(others) {
                return Err(format!("the blocks of node {node} do not ascend"));
            }
            for (&other, &direction) in others.iter().zip(directions) {
                let blocks = Blocks::of_value(direction.into());
                let Some(blocks) = blocks.filter(|_| is_node(other) && other != node) else {
                    return Err(format!("a block of node {node} is none"));
                };
                parity ^= blocks.hash(node, other);
            }
        }
        if parity != 0 {
            return Err("the two ends of a block differ".to_owned());
        }
        let order = |found: &FileRestriction| (found.node, found.kind);
        let restrictions = &self.restrictions;
        if !restrictions.is_sorted_by(|one, next| order(one) < order(next)) {
            return Err("the restrictions do not ascend".to_owned());
        }
        for found in restrictions.iter() {
            let is_kind = RestrictionKind::new(found.kind).is_some();
            if !is_kind || !is_node(found.node) || found.ends_at >= 1 << 62 {
                return Err(format!("a restriction of node {} is none", found.node));
            }
        }
        Ok(())
    }
}

fn read_header(path: &Path, bytes: &[u8], manifest: &Manifest) -> Result<Header, FileError> {
    let header = Header::read_from_prefix(bytes);
    let (header, _) = header.map_err(|_| FileError::WrongKind {
        path: path.to_owned(),
        kind: "policy",
    })?;
    check_start(
        path,
        "policy",
        &header.magic,
        &MAGIC,
        header.format_version,
        FORMAT_VERSION..=FORMAT_VERSION,
    )?;
    if crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]) != header.header_crc32c {
        let reason = "checksum of the header does not match";
        return Err(FileError::damaged(path, 0, reason));
    }
    check_lineage(path, manifest.lineage_id, header.lineage_id)?;
    Ok(header)
}

/// Returns the arrays, after verifying their checksums. `hidden` is still empty.
fn read_sections(path: &Path, map: &FileBytes, header: &Header) -> Result<BasePolicy, FileError> {
    let mut sections = Sections {
        path,
        map,
        end: HEADER_BYTES as u64,
    };
    let policy = BasePolicy {
        nodes: sections.next(header.nodes, header.nodes_crc32c)?,
        places: sections.next(header.nodes, header.places_crc32c)?,
        others: sections.next(header.ends, header.others_crc32c)?,
        directions: sections.next(header.ends, header.directions_crc32c)?,
        restrictions: sections.next(header.restrictions, header.restrictions_crc32c)?,
        closed_lists: sections.next(header.closed_lists, header.closed_lists_crc32c)?,
        ..BasePolicy::default()
    };
    if sections.end != map.len() as u64 {
        return Err(FileError::WrongLength {
            path: path.to_owned(),
            expected: sections.end,
            found: map.len() as u64,
        });
    }
    Ok(policy)
}

/// The sections of a file, one after the other.
struct Sections<'a> {
    path: &'a Path,
    map: &'a FileBytes,
    end: u64,
}

impl Sections<'_> {
    /// Returns the numbers of the next section, after verifying its checksum.
    fn next<T: FromBytes + Immutable>(
        &mut self,
        count: u64,
        expected: u32,
    ) -> Result<Array<T>, FileError> {
        let start = self.end;
        let damaged = |reason: &str| FileError::damaged(self.path, start, reason);
        let bytes = count.checked_mul(size_of::<T>() as u64);
        let bytes = bytes.filter(|bytes| *bytes <= self.map.len() as u64);
        let bytes = bytes.ok_or_else(|| damaged("a section is longer than the file"))?;
        self.end = start + padded(bytes);
        let content = self.map.get(start as usize..self.end as usize);
        if content.map(crc32c::crc32c) != Some(expected) {
            return Err(damaged("checksum of a section does not match"));
        }
        let array = self.map.array(start as usize..(start + bytes) as usize);
        array.ok_or_else(|| damaged("a section is outside the file or not aligned"))
    }
}
