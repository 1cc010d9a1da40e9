//! `manifest.json`: reads it, and opens the files that it names.

use std::fs;

use cloud_engine::{Base, GRAPH_NAME, MANIFEST_NAME, Manifest, TIMES_NAME};

use super::graph::snapshot;
use super::scratch::{folder, named};
use super::{Mutated, Reader};

pub(super) const READER: Reader = Reader {
    name: "manifest",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const CHECKSUM_MEMBER: &str = ",\n  \"crc32c\": \"";

fn valid() -> Vec<u8> {
    let (manifest, _) = snapshot(GRAPH_NAME);
    let folder = folder("written");
    manifest.write(&folder).expect("writes");
    fs::read(folder.join(MANIFEST_NAME)).expect("reads")
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let marker = CHECKSUM_MEMBER.as_bytes();
    let body = bytes
        .windows(marker.len())
        .rposition(|window| window == marker);
    bytes.truncate(body.unwrap_or(bytes.len()));
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(format!("{CHECKSUM_MEMBER}{checksum:08x}\"\n}}\n").into_bytes());
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let folder = folder("manifest");
    for name in [GRAPH_NAME, TIMES_NAME] {
        fs::write(folder.join(name), snapshot(name).1).expect("writes");
    }
    let path = folder.join(MANIFEST_NAME);
    fs::write(&path, bytes).expect("writes");
    let manifest = Manifest::read(&folder).map_err(|error| named(error, &path))?;
    Base::open(&folder, &manifest).map_err(|error| named(error, &folder))?;
    Ok(format!("{manifest:?}"))
}
