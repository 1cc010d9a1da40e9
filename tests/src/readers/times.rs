//! `times.bin`, beside its graph: opens the file, and reads the time of every connection.

use std::fs;
use std::sync::Arc;

use cloud_engine::{Base, GRAPH_NAME, TIMES_NAME, Writer};

use super::graph::{ask, replace, snapshot};
use super::scratch::{folder, named};
use super::{Mutated, Reader, field, seal};

pub(super) const READER: Reader = Reader {
    name: "times",
    valid: || snapshot(TIMES_NAME).1,
    reseal,
    read,
    mutated: Mutated::RefusedOrSame,
};

const HEADER_BYTES: usize = 64;
const BLOCK_BYTES: usize = 64 * 1024;

fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let times = field(&bytes, 32).map(u64::from_le_bytes).unwrap_or(0);
    let table_at = usize::try_from(times)
        .ok()
        .and_then(|times| times.checked_mul(8)?.checked_add(HEADER_BYTES))
        .filter(|&at| at <= bytes.len());
    if let Some(table_at) = table_at {
        let blocks = (HEADER_BYTES..table_at).step_by(BLOCK_BYTES);
        for (block, from) in blocks.enumerate() {
            let to = (from + BLOCK_BYTES).min(table_at);
            seal(&mut bytes, from..to, table_at + block * 4);
        }
        let end = bytes.len();
        seal(&mut bytes, table_at..end, 56);
    }
    seal(&mut bytes, 0..60, 60);
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let (mut manifest, graph) = snapshot(GRAPH_NAME);
    let folder = folder("times");
    fs::write(folder.join(GRAPH_NAME), graph).expect("writes");
    let path = folder.join(TIMES_NAME);
    replace(&path, &mut manifest, bytes);
    let base = Base::open(&folder, &manifest).map_err(|error| named(error, &path))?;
    ask(&Writer::new(Arc::new(base), manifest.scn).version().graph())
        .map_err(|error| named(error, &path))
}
