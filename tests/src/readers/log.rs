//! A segment of a log: recovers it and reads every window.

use std::fs;

use cloud_model::{LineageId, Scn};
use cloud_proto::databus::v1::{Change, ConnectionAdded, change::Event};
use databus::{Log, LogOptions, Window};

use super::scratch::{empty_folder, named};
use super::{Mutated, Reader, field, seal};

pub(super) const READER: Reader = Reader {
    name: "log",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrShorter,
};

/// The first segment of a log.
pub(super) const SEGMENT: &str = "00000000000000000001.log";
/// The offset of the first window's SCN in a segment's header.
pub(super) const FIRST_SCN_AT: usize = 48;
const FRAME_HEAD_BYTES: usize = 16;

pub(super) fn origin() -> LineageId {
    "9f86d081884c7d659a2feaa0c55ad015"
        .parse()
        .expect("32 digits")
}

fn valid() -> Vec<u8> {
    let folder = empty_folder("log-written");
    let log = Log::open(&folder, origin(), LogOptions::default()).expect("opens");
    for offset in 1..=5 {
        let connection = |other_id| Change {
            skippable: false,
            event: Some(Event::ConnectionAdded(ConnectionAdded {
                existing_only: false,
                member_id: 1,
                other_id,
                connected_at: None,
            })),
        };
        let changes = (2..2 + offset).map(connection).collect();
        let window = Window {
            source_id: "core".to_owned(),
            source_offset: offset,
            commit_time: None,
            changes,
        };
        log.append_blocking(window).expect("appends");
    }
    log.close().expect("closes");
    fs::read(folder.join(SEGMENT)).expect("reads")
}

/// Repairs the checksums of a segment.
pub(super) fn reseal(mut bytes: Vec<u8>) -> Vec<u8> {
    let header = field(&bytes, 12)
        .map(|length| u32::from_le_bytes(length) as usize)
        .unwrap_or(0);
    let Some(sealed) = header.checked_sub(4).filter(|_| header <= bytes.len()) else {
        return bytes;
    };
    seal(&mut bytes, 0..sealed, sealed);
    let seed = crc32c::crc32c(&bytes[..sealed]);
    let mut at = header;
    while let Some(length) = field(&bytes, at + 4) {
        let Some(end) = at.checked_add(FRAME_HEAD_BYTES + u32::from_le_bytes(length) as usize)
        else {
            break;
        };
        let Some(frame) = bytes.get(at + 4..end) else {
            break;
        };
        let place = crc32c::crc32c_append(seed, &(at as u64).to_le_bytes());
        let checksum = crc32c::crc32c_append(place, frame).to_le_bytes();
        bytes[at..at + 4].copy_from_slice(&checksum);
        at = end;
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let folder = empty_folder("log");
    let path = folder.join(SEGMENT);
    fs::write(&path, bytes).expect("writes");
    let log =
        Log::open(&folder, origin(), LogOptions::default()).map_err(|error| named(error, &path))?;
    let mut reader = log
        .read_after(Scn::BEGINNING)
        .map_err(|error| named(error, &path))?;
    let mut told = String::new();
    while let Some(window) = reader.next_window().map_err(|error| named(error, &path))? {
        told += &format!("{window:?}\n");
    }
    Ok(told)
}
