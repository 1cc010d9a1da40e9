//! `profiles.bin`, with records and silent: opens the file, and reads every node's profile.

use std::fs;

use cloud_engine::NodeIndex;
use cloud_model::LineageId;
use cloud_profile::ProfileRecord;
use cloud_proto::databus::v1::{Member, Position};
use cloud_search::{NoProfiles, PROFILES_NAME, ProfileFile, ProfileFileWriter};

use super::scratch::{empty_folder, folder, named};
use super::{Mutated, Reader, field, seal};

pub(super) const READER: Reader = Reader {
    name: "profiles",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

/// The reader of a snapshot that has no records of profiles.
pub(super) const SILENT: Reader = Reader {
    name: "silent-profiles",
    valid: valid_silent,
    ..READER
};

const HEADER_BYTES: usize = 64;
const MEMBERS: u64 = 12;
/// The number of profiles that are read of a silent file: its length does not bound their number.
const SILENT_NODES_READ: u64 = 16;

/// Returns one of several different profiles.
pub(super) fn profile(id: u64) -> ProfileRecord {
    let member = Member {
        member_id: id,
        display_name: format!("Member {id}"),
        headline: "engineer at Acme".to_owned(),
        skills: (0..id % 4).map(|skill| format!("skill {skill}")).collect(),
        ..Default::default()
    };
    let position = Position {
        position_id: id,
        title: "Engineer".to_owned(),
        current: true,
        ..Default::default()
    };
    ProfileRecord {
        member: Some(member),
        positions: vec![position; id as usize % 3],
    }
}

fn valid() -> Vec<u8> {
    let path = empty_folder("profiles-written").join(PROFILES_NAME);
    let mut file = ProfileFileWriter::create(&path).expect("creates");
    (1..=MEMBERS).for_each(|id| file.push(&profile(id)).expect("writes"));
    file.finish(LineageId::default()).expect("writes");
    fs::read(path).expect("reads")
}

fn valid_silent() -> Vec<u8> {
    let snapshot = empty_folder("silent-written");
    let written = NoProfiles::new(MEMBERS as u32).write(&snapshot, LineageId::default());
    written.expect("writes");
    fs::read(snapshot.join(PROFILES_NAME)).expect("reads")
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let nodes = field(&bytes, 32).map(u64::from_le_bytes).unwrap_or(0);
    let records_end = field(&bytes, 40)
        .map(u64::from_le_bytes)
        .unwrap_or(u64::MAX);
    if let Some(offsets_at) = usize::try_from(records_end)
        .ok()
        .filter(|&at| at <= bytes.len())
    {
        let offset = |bytes: &[u8], node: usize| {
            let at = offsets_at.checked_add(node.checked_mul(8)?)?;
            field(bytes, at).and_then(|offset| usize::try_from(u64::from_le_bytes(offset)).ok())
        };
        for node in 0..u32::try_from(nodes).unwrap_or(u32::MAX) {
            let (Some(from), Some(to)) = (
                offset(&bytes, node as usize),
                offset(&bytes, node as usize + 1),
            ) else {
                break;
            };
            let body = from
                .checked_add(4)
                .and_then(|body| bytes.get(body..to.min(offsets_at)));
            let Some(checksum) =
                body.map(|body| crc32c::crc32c_append(crc32c::crc32c(&node.to_le_bytes()), body))
            else {
                continue;
            };
            if from >= HEADER_BYTES {
                bytes[from..from + 4].copy_from_slice(&checksum.to_le_bytes());
            }
        }
        let end = bytes.len();
        seal(&mut bytes, offsets_at..end, 48);
    }
    seal(&mut bytes, 0..60, 60);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let path = folder("profiles").join(PROFILES_NAME);
    fs::write(&path, bytes).expect("writes");
    let file =
        ProfileFile::open(&path, LineageId::default()).map_err(|error| named(error, &path))?;
    let nodes = match file.silent_nodes() {
        Some(nodes) => u64::from(nodes).min(SILENT_NODES_READ),
        None => file.node_count(),
    };
    // The file may claim at most as many nodes as fit into the given bytes.
    assert!(
        file.silent_nodes().is_some() || nodes <= bytes.len() as u64 / 8,
        "{nodes} nodes in {} bytes",
        bytes.len()
    );
    let (mut told, mut refused) = (format!("{} nodes\n", file.node_count()), None);
    for node in (0..nodes as u32).map(NodeIndex::new) {
        match file.profile(node, u64::from(node.get()) + 1) {
            Ok(profile) => told += &format!("{profile:?}\n"),
            Err(error) => refused = Some(named(error, &path)),
        }
    }
    refused.map_or(Ok(told), Err)
}
