//! `overlay-<scn>.bin`: the changes since the base, written at shutdown so that the next start need
//! not replay them.
//!
//! It holds the state at its SCN rather than its history: for each touched node, the last change of
//! each neighbour.
//!
//! ```text
//! byte  size  content (numbers are little-endian)
//!    0     8  magic "CLDOVERL"
//!    8     4  format version: 3
//!   12     4  zero
//!   16    16  lineage id
//!   32    16  log id
//!   48     8  SCN of the snapshot below
//!   56     8  SCN of this file
//!   64     8  members that exist
//!   72     8  connections
//!   80     8  times that a connection made a member exist
//!   88     8  bytes of the sources
//!   96     8  new members
//!  104     8  entries
//!  112     8  touched nodes
//!  120     8  points
//!  128     8  entries of policy
//!  136     8  nodes with entries of policy
//!  144     4  CRC-32C of the entries of policy, padding included; the next one likewise
//!  148     4  CRC-32C of the nodes with entries of policy
//!  152    16  zeros
//!  168     4  CRC-32C of the points, padding included; the next four likewise
//!  172     4  CRC-32C of the sources
//!  176     4  CRC-32C of the new members
//!  180     4  CRC-32C of the entries
//!  184     4  CRC-32C of the touched nodes
//!  188     4  CRC-32C of bytes 0 to 187
//!  192        sources:       JSON, an array of source id, offset and SCN;
//!                            padded with zeros to a multiple of 64
//!             new members:   member id (8), in node order; padded likewise
//!             entries:       neighbour (4), zero (4),
//!                            stamp (8: time in ms << 2 | 1 for added, 0 for removed);
//!                            by touched node, oldest first; one that names the node itself
//!                            is about the member's existence; padded likewise
//!             touched nodes: node (4), number of its entries (4), ascending; padded likewise
//!             points:        SCN (8), history (8): of the newest windows up to the file's SCN,
//!                            ascending; padded likewise
//!             policy:        entries as above, whose neighbour is a key (`base/policy_row.rs`) and
//!                            whose stamp has the value; none names the node itself;
//!                            padded likewise
//!             its nodes:     as the touched nodes; padded likewise
//! ```
//!
//! Version 1 has no points, and versions 1 and 2 have no policy: zeros stand in their place in the
//! header. They are still read.
//!
//! Every byte is under a checksum. Content that passes the checksums is still checked before it is
//! used.

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    base::{
        base_graph::Base,
        policy_row::{Blocks, NODES_MAX, PolicyWord},
    },
    files::{
        file_error::FileError,
        file_identity::{check_lineage, check_start},
        histories_file::{FilePoint, points},
        manifest::{FileRole, Manifest},
        section_writer::{SectionWriter, padded},
    },
    memory::shared_array::{Array, FileBytes},
    node_index::NodeIndex,
    overlay::{
        chains::{Chains, Stamp},
        summary::{LastWord, LastWords},
        version::Version,
    },
};
use cloud_files::open_plain;
use cloud_model::{ConnectionTime, LogId, LogPoint, MemberId, Scn, SourceMark};

const MAGIC: [u8; 8] = *b"CLDOVERL";
const FORMAT_VERSION: u32 = 3;
/// The version without policy.
const FORMAT_VERSION_2: u32 = 2;
/// The version without points.
const FORMAT_VERSION_1: u32 = 1;
const HEADER_BYTES: usize = 192;
/// The place in the header of the file's SCN.
pub(crate) const SCN_AT: u64 = 56;
/// The place in the header of the number of members that exist; the number of connections follows
/// it.
const MEMBERS_AT: u64 = 64;
/// The place in the header of the number of entries of policy.
const POLICY_AT: u64 = 128;

/// The entries that are collected before they are written: 1 MiB.
const ENTRIES_AT_ONCE: usize = 1 << 16;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    format_version: u32,
    zero: u32,
    lineage_id: [u8; 16],
    log_id: [u8; 16],
    base_scn: u64,
    scn: u64,
    members: u64,
    connections: u64,
    created_by_connections: u64,
    sources_bytes: u64,
    new_members: u64,
    entries: u64,
    nodes: u64,
    points: u64,
    policy_entries: u64,
    policy_nodes: u64,
    policy_entries_crc32c: u32,
    policy_nodes_crc32c: u32,
    reserved: [u8; 16],
    points_crc32c: u32,
    sources_crc32c: u32,
    new_members_crc32c: u32,
    entries_crc32c: u32,
    nodes_crc32c: u32,
    header_crc32c: u32,
}

const _: () = assert!(std::mem::size_of::<Header>() == HEADER_BYTES);

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct FileEntry {
    neighbour: u32,
    zero: u32,
    stamp: u64,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct TouchedNode {
    node: u32,
    entries: u32,
}

/// Writes and syncs the overlay as of the published SCN, as `name` in `site`.
pub(crate) fn write(
    site: &Path,
    name: &str,
    version: &Version,
    log_id: LogId,
    sources: &[SourceMark],
    points: &[LogPoint],
) -> Result<(), FileError> {
    let scn = version.published();
    let mut file = SectionWriter::create(site, FileRole::Other, name, HEADER_BYTES)?;
    let sources = serde_json::to_vec(sources)
        .map_err(|error| FileError::io(&site.join(name))(error.into()))?;
    file.write(&sources)?;
    let sources_crc32c = file.end_section()?;
    let new_members = version.overlay.new_members.count();
    for ordinal in 0..new_members {
        file.write(version.overlay.new_members.id(ordinal).get().as_bytes())?;
    }
    let new_members_crc32c = file.end_section()?;
    let bound = version.node_bound(scn);
    let graph = write_entries(&mut file, &version.overlay.graph, bound, |node, entries| {
        push_last_words(version, node, scn, entries);
    })?;
    let points: Vec<FilePoint> = points.iter().map(FilePoint::from).collect();
    file.write(points.as_bytes())?;
    let points_crc32c = file.end_section()?;
    let policy = write_entries(
        &mut file,
        &version.overlay.policy,
        bound,
        |node, entries| {
            push_last_policy(version, node, scn, entries);
        },
    )?;
    let mut header = Header {
        magic: MAGIC,
        format_version: FORMAT_VERSION,
        zero: 0,
        lineage_id: version.base.lineage().get().to_be_bytes(),
        log_id: log_id.get().to_be_bytes(),
        base_scn: version.base_scn().get(),
        scn: scn.get(),
        members: version.counts.members.load(Ordering::Relaxed),
        connections: version.counts.connections.load(Ordering::Relaxed),
        created_by_connections: version
            .counts
            .created_by_connections
            .load(Ordering::Relaxed),
        sources_bytes: sources.len() as u64,
        new_members: u64::from(new_members),
        entries: graph.entries,
        nodes: graph.nodes,
        points: points.len() as u64,
        policy_entries: policy.entries,
        policy_nodes: policy.nodes,
        policy_entries_crc32c: policy.entries_crc32c,
        policy_nodes_crc32c: policy.nodes_crc32c,
        reserved: [0; 16],
        points_crc32c,
        sources_crc32c,
        new_members_crc32c,
        entries_crc32c: graph.entries_crc32c,
        nodes_crc32c: graph.nodes_crc32c,
        header_crc32c: 0,
    };
    header.header_crc32c = crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]);
    file.finish(header.as_bytes()).map(drop)
}

/// Two sections: entries, and the nodes that they are of.
struct Written {
    entries: u64,
    nodes: u64,
    entries_crc32c: u32,
    nodes_crc32c: u32,
}

/// Writes the entries that `push` appends for each node that has a chain.
fn write_entries(
    file: &mut SectionWriter,
    chains: &Chains,
    bound: u32,
    push: impl Fn(NodeIndex, &mut Vec<FileEntry>),
) -> Result<Written, FileError> {
    let (mut nodes, mut entries) = (Vec::new(), Vec::with_capacity(ENTRIES_AT_ONCE));
    let all = (0..bound).map(NodeIndex::new);
    for node in all.filter(|&node| chains.is_touched(node)) {
        let before = entries.len();
        push(node, &mut entries);
        let pushed = (entries.len() - before) as u32;
        if pushed > 0 {
            nodes.push(TouchedNode {
                node: node.get(),
                entries: pushed,
            });
        }
        if entries.len() >= ENTRIES_AT_ONCE {
            file.write(entries.as_bytes())?;
            entries.clear();
        }
    }
    file.write(entries.as_bytes())?;
    let entries_crc32c = file.end_section()?;
    file.write(nodes.as_bytes())?;
    let nodes_crc32c = file.end_section()?;
    Ok(Written {
        entries: nodes.iter().map(|node| u64::from(node.entries)).sum(),
        nodes: nodes.len() as u64,
        entries_crc32c,
        nodes_crc32c,
    })
}

impl FileEntry {
    fn new(neighbour: u32, stamp: Stamp) -> Self {
        Self {
            neighbour,
            zero: 0,
            stamp: stamp.bits(),
        }
    }
}

/// Pushes the entries of the node's state at `scn`, oldest first, without those that repeat the
/// base.
fn push_last_words(version: &Version, node: NodeIndex, scn: Scn, entries: &mut Vec<FileEntry>) {
    let chains = &version.overlay.graph;
    let LastWords { words, base_counts } = LastWords::of(node, chains.chain(node, scn));
    if !base_counts {
        entries.push(FileEntry::new(node.get(), Stamp::REMOVED));
    }
    if chains.has_own_entries(node) && version.exists(node, scn) {
        let exists = Stamp::added(ConnectionTime::UNKNOWN);
        entries.push(FileEntry::new(node.get(), exists));
    }
    let in_base = |word: &LastWord| {
        base_counts && version.base.connected(node, NodeIndex::new(word.neighbour))
    };
    let stated = words
        .iter()
        .filter(|word| word.stamp.is_added() || in_base(word));
    entries.extend(stated.map(|word| FileEntry::new(word.neighbour, word.stamp)));
}

/// Pushes the entries of the node's policy at `scn`, without those that repeat the base.
fn push_last_policy(version: &Version, node: NodeIndex, scn: Scn, entries: &mut Vec<FileEntry>) {
    let chain = version.overlay.policy.chain(node, scn);
    let LastWords { words, .. } = LastWords::of(node, chain);
    let base = version.base.policy();
    let stated = words
        .iter()
        .filter(|word| word.stamp.value() != base.value(node, word.neighbour));
    entries.extend(stated.map(|word| FileEntry::new(word.neighbour, word.stamp)));
}

/// The arrays of an opened file.
struct Sections {
    new_members: Array<u64>,
    graph: Entries,
    policy: Entries,
}

/// Entries, and the nodes that they are of.
struct Entries {
    entries: Array<FileEntry>,
    nodes: Array<TouchedNode>,
    /// The place of the entries in the file.
    at: u64,
}

/// The facts of a file beside its entries.
pub(crate) struct OverlayFacts {
    pub(crate) sources: Vec<SourceMark>,
    /// The histories of the newest windows, ascending.
    pub(crate) points: Vec<LogPoint>,
}

/// Reads an overlay of this base and this log, and returns the version that it restores.
pub(crate) fn read(
    path: &Path,
    base: &Arc<Base>,
    manifest: &Manifest,
    log_id: LogId,
) -> Result<(Version, OverlayFacts), FileError> {
    let file = open_plain(path).map_err(FileError::io(path))?;
    let map = FileBytes::open(&file).map_err(FileError::io(path))?;
    let header = read_header(path, &map, base, manifest, log_id)?;
    let (facts, sections) = read_sections(path, &map, &header)?;
    let version = Version::restored(base.clone(), manifest.scn, Scn::new(header.scn));
    fill(path, &version, &sections)?;
    check_counts(path, &header, base)?;
    version
        .counts
        .members
        .store(header.members, Ordering::Relaxed);
    version
        .counts
        .connections
        .store(header.connections, Ordering::Relaxed);
    version
        .counts
        .created_by_connections
        .store(header.created_by_connections, Ordering::Relaxed);
    Ok((version, facts))
}

fn read_header(
    path: &Path,
    map: &[u8],
    base: &Base,
    manifest: &Manifest,
    log_id: LogId,
) -> Result<Header, FileError> {
    let header = Header::read_from_prefix(map);
    let (header, _) = header.map_err(|_| FileError::WrongKind {
        path: path.to_owned(),
        kind: "overlay",
    })?;
    check_start(
        path,
        "overlay",
        &header.magic,
        &MAGIC,
        header.format_version,
        FORMAT_VERSION_1..=FORMAT_VERSION,
    )?;
    if crc32c::crc32c(&header.as_bytes()[..HEADER_BYTES - 4]) != header.header_crc32c {
        return Err(FileError::damaged(
            path,
            0,
            "checksum of the header does not match",
        ));
    }
    check_lineage(path, base.lineage(), header.lineage_id)?;
    let found = LogId::new(u128::from_be_bytes(header.log_id));
    if found != log_id {
        return Err(FileError::ForeignLog {
            path: path.to_owned(),
            expected: log_id,
            found,
        });
    }
    if header.base_scn != manifest.scn.get() {
        let found = Scn::new(header.base_scn);
        return Err(FileError::OtherBase {
            path: path.to_owned(),
            expected: manifest.scn,
            found,
        });
    }
    if header.format_version <= FORMAT_VERSION_2
        && (header.policy_entries, header.policy_nodes) != (0, 0)
    {
        let reason = "policy, which version 2 does not have";
        return Err(FileError::damaged(path, POLICY_AT, reason));
    }
    if header.scn < header.base_scn {
        return Err(FileError::damaged(
            path,
            SCN_AT,
            "an SCN below the snapshot's",
        ));
    }
    Ok(header)
}

/// Checks that the counts are possible for base and entries: each connection has an entry at either
/// end.
fn check_counts(path: &Path, header: &Header, base: &Base) -> Result<(), FileError> {
    let members_max = u64::from(base.node_count()) + header.new_members;
    let connections_max = base.connection_count() + header.entries / 2;
    let counts = [
        (MEMBERS_AT, header.members, members_max, "members"),
        (
            MEMBERS_AT + 8,
            header.connections,
            connections_max,
            "connections",
        ),
    ];
    for (at, count, max, what) in counts {
        if count > max {
            let reason = format!("{count} {what}, but at most {max} are possible");
            return Err(FileError::damaged(path, at, reason));
        }
    }
    Ok(())
}

fn read_sections(
    path: &Path,
    map: &FileBytes,
    header: &Header,
) -> Result<(OverlayFacts, Sections), FileError> {
    let mut end = HEADER_BYTES as u64;
    // Returns the range of a section after verifying its checksum.
    let mut section = |count: u64, width: u64, expected: u32| {
        let start = end;
        let bytes = count
            .checked_mul(width)
            .filter(|bytes| *bytes <= map.len() as u64);
        let bytes = bytes
            .ok_or_else(|| FileError::damaged(path, 88, "a section is longer than the file"))?;
        end = start + padded(bytes);
        let content = map.get(start as usize..end as usize);
        if content.map(crc32c::crc32c) != Some(expected) {
            return Err(FileError::damaged(
                path,
                start,
                "checksum of a section does not match",
            ));
        }
        Ok(start as usize..(start + bytes) as usize)
    };
    let sources = section(header.sources_bytes, 1, header.sources_crc32c)?;
    let new_members = section(header.new_members, 8, header.new_members_crc32c)?;
    let entries = section(header.entries, 16, header.entries_crc32c)?;
    let nodes = section(header.nodes, 8, header.nodes_crc32c)?;
    let points_range = section(header.points, 16, header.points_crc32c)?;
    let policy_entries = section(header.policy_entries, 16, header.policy_entries_crc32c)?;
    let policy_nodes = section(header.policy_nodes, 8, header.policy_nodes_crc32c)?;
    if end != map.len() as u64 {
        return Err(FileError::WrongLength {
            path: path.to_owned(),
            expected: end,
            found: map.len() as u64,
        });
    }
    let out_of_file =
        || FileError::damaged(path, 88, "a section is outside the file or not aligned");
    let of_chains = |entries: Range<usize>, nodes: Range<usize>| {
        Some(Entries {
            at: entries.start as u64,
            entries: map.array(entries)?,
            nodes: map.array(nodes)?,
        })
    };
    let json = map.get(sources).ok_or_else(out_of_file)?;
    let sources = serde_json::from_slice(json)
        .map_err(|error| FileError::damaged(path, HEADER_BYTES as u64, error.to_string()))?;
    let points = map
        .get(points_range)
        .and_then(|content| points(content, header.points));
    let facts = OverlayFacts {
        sources,
        points: points.ok_or_else(out_of_file)?,
    };
    let sections = Sections {
        new_members: map.array(new_members).ok_or_else(out_of_file)?,
        graph: of_chains(entries, nodes).ok_or_else(out_of_file)?,
        policy: of_chains(policy_entries, policy_nodes).ok_or_else(out_of_file)?,
    };
    Ok((facts, sections))
}

/// Appends the file's members and entries to a version that has none.
fn fill(path: &Path, version: &Version, sections: &Sections) -> Result<(), FileError> {
    let damaged = |reason: String| FileError::damaged(path, sections.graph.at, reason);
    let scn = version.published();
    let bound = version.base.node_count() as usize + sections.new_members.len();
    if bound > NODES_MAX as usize {
        return Err(damaged(format!("{bound} nodes are too many")));
    }
    for &id in sections.new_members.iter() {
        match MemberId::new(id).filter(|&member| version.known_node(member).is_none()) {
            Some(member) => drop(version.overlay.new_members.push(member, scn)),
            None => {
                return Err(damaged(format!(
                    "new member {id} is 0, a duplicate, or in the base"
                )));
            }
        }
    }
    let is_node = |number: u32| (number as usize) < bound;
    let overlay = &version.overlay;
    sections
        .graph
        .append_to(path, &overlay.graph, bound, scn, |_, neighbour, _| {
            is_node(neighbour)
        })?;
    let mut parity = 0;
    let is_policy = |node: u32, key: u32, stamp: Stamp| {
        let is_key = key != node && (key >= NODES_MAX || is_node(key));
        let word = stamp.value().map(|value| PolicyWord { key, value });
        if !is_key || word.is_some_and(|word| word.meaning().is_none()) {
            return false;
        }
        if key < NODES_MAX {
            let blocks = stamp.value().and_then(Blocks::of_value);
            parity ^= blocks.unwrap_or(Blocks::NONE).hash(node, key);
        }
        true
    };
    let policy = &sections.policy;
    policy.append_to(path, &overlay.policy, bound, scn, is_policy)?;
    if parity != 0 {
        let reason = "the two ends of a block differ";
        return Err(FileError::damaged(path, policy.at, reason));
    }
    for touched in policy.nodes.iter() {
        let node = NodeIndex::new(touched.node);
        if let Some(hides) = version.hides_otherwise(node, scn) {
            let stamp = Stamp::of_value(hides.into());
            overlay.policy.append(node, node, scn, stamp);
        }
    }
    Ok(())
}

impl Entries {
    /// Appends the entries to chains that have none. `is_valid` judges each one: its node, the
    /// neighbour and the stamp.
    fn append_to(
        &self,
        path: &Path,
        chains: &Chains,
        bound: usize,
        scn: Scn,
        mut is_valid: impl FnMut(u32, u32, Stamp) -> bool,
    ) -> Result<(), FileError> {
        let damaged = |reason: String| FileError::damaged(path, self.at, reason);
        if self.entries.len() > chains.room() as usize {
            return Err(damaged(format!(
                "{} entries are too many",
                self.entries.len()
            )));
        }
        let (mut entries, mut nodes_below) = (&*self.entries, 0);
        for touched in self.nodes.iter() {
            let of_node = entries.split_at_checked(touched.entries as usize);
            let in_order = touched.node >= nodes_below && (touched.node as usize) < bound;
            let Some((of_node, rest)) = of_node.filter(|_| in_order) else {
                return Err(damaged(format!(
                    "touched node {} has no entries, or is out of order",
                    touched.node
                )));
            };
            for entry in of_node {
                let stamp = Stamp::from_bits(entry.stamp);
                let stamp = stamp.filter(|&stamp| is_valid(touched.node, entry.neighbour, stamp));
                let stamp = stamp.ok_or_else(|| {
                    damaged(format!("an entry of node {} is invalid", touched.node))
                })?;
                chains.append(
                    NodeIndex::new(touched.node),
                    NodeIndex::new(entry.neighbour),
                    scn,
                    stamp,
                );
            }
            (entries, nodes_below) = (rest, touched.node + 1);
        }
        if entries.is_empty() {
            Ok(())
        } else {
            Err(damaged(format!(
                "{} entries belong to no node",
                entries.len()
            )))
        }
    }
}
