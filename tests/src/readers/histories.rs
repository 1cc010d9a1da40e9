//! `histories.bin`: reads every point.

use std::fs;

use cloud_engine::{
    FileRole, HISTORIES_NAME, Manifest, ManifestFile, StandsAt, read_histories, write_histories,
};
use cloud_model::{History, LineageId, LogPoint, Scn};

use super::scratch::{empty_folder, folder, named};
use super::{Mutated, Reader, seal};

pub(super) const READER: Reader = Reader {
    name: "histories",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const HEADER_BYTES: usize = 64;

fn lineage() -> LineageId {
    LineageId::new(7)
}

fn valid() -> Vec<u8> {
    let points: Vec<_> = (1..=9)
        .map(|number| LogPoint {
            scn: Scn::new(number * 3),
            history: Some(History::of_hash(number << 40)),
        })
        .collect();
    let folder = empty_folder("histories-written");
    write_histories(&folder, lineage(), &points).expect("writes");
    fs::read(folder.join(HISTORIES_NAME)).expect("reads")
}

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len();
    seal(&mut bytes, HEADER_BYTES..end, 56);
    seal(&mut bytes, 0..60, 60);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let folder = folder("histories");
    let path = folder.join(HISTORIES_NAME);
    fs::write(&path, bytes).expect("writes");
    let file = ManifestFile::new(
        FileRole::Histories,
        HISTORIES_NAME.to_owned(),
        bytes.len() as u64,
        crc32c::crc32c(bytes),
    );
    let manifest = Manifest {
        files: vec![file],
        ..Manifest::new(lineage(), Scn::new(27), StandsAt::Beginning {})
    };
    let points = read_histories(&folder, &manifest).map_err(|error| named(error, &path))?;
    Ok(format!("{points:?}"))
}
