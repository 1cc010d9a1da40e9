//! The files of a log as `databus dump` reads them: checked, listed, and listed from each SCN.
//!
//! The bytes are two segments: the length of the first, and both one after the other. The name of
//! the second follows from its header.

use std::fs;
use std::path::Path;

use cloud_model::Scn;
use cloud_profile::part_lines;
use cloud_proto::databus::v1::change::Event;
use cloud_proto::databus::v1::{Change, ConnectionAdded, Member, MemberUpserted};
use databus::{Log, LogFiles, LogOptions, Window, verify};

use super::log::{self, FIRST_SCN_AT, origin};
use super::scratch::{empty_folder, named};
use super::{Mutated, Reader, field};

pub(super) const READER: Reader = Reader {
    name: "log-files",
    valid,
    reseal,
    read,
    mutated: Mutated::RefusedOrShorter,
};

/// The size at which a segment ends. The first segment is longer than the interval of two entries
/// of the index.
const SEGMENT_BYTES: u64 = 70 << 10;
const SUMMARY_BYTES: usize = 15 << 10;

fn valid() -> Vec<u8> {
    let folder = empty_folder("log-files-written");
    let options = LogOptions {
        segment_bytes: SEGMENT_BYTES,
        ..LogOptions::default()
    };
    let log = Log::open(&folder, origin(), options).expect("opens");
    for offset in 1..=9 {
        let member = Member {
            member_id: offset,
            summary: "many words ".repeat(SUMMARY_BYTES / 11 * usize::from(offset <= 5)),
            ..Default::default()
        };
        let added = ConnectionAdded {
            existing_only: false,
            member_id: offset,
            other_id: 100,
            connected_at: None,
        };
        let upserted = MemberUpserted {
            existing_only: false,
            member: Some(member),
            fields: None,
        };
        let events = [
            Event::MemberUpserted(upserted),
            Event::ConnectionAdded(added),
        ];
        let window = Window {
            source_id: "core".to_owned(),
            source_offset: offset,
            commit_time: None,
            changes: events
                .map(|event| Change {
                    skippable: false,
                    event: Some(event),
                })
                .into(),
        };
        log.append_blocking(window).expect("appends");
    }
    log.close().expect("closes");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    names.sort();
    let [first, second] = names.as_slice() else {
        panic!("two segments: {names:?}");
    };
    let [first, second] = [first, second].map(|path| fs::read(path).expect("reads"));
    joined(&first, &second)
}

fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    [&(first.len() as u32).to_le_bytes(), first, second].concat()
}

/// Splits the bytes into both segments. The first is all of them if the length says so.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, segments) = bytes.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    Some(segments.split_at(length.min(segments.len())))
}

fn reseal(bytes: Vec<u8>) -> Vec<u8> {
    let Some((first, second)) = split(&bytes) else {
        return bytes;
    };
    let [first, second] = [first, second].map(|segment| log::reseal(segment.to_vec()));
    [&bytes[..4], &first, &second].concat()
}

fn read(bytes: &[u8]) -> Result<String, String> {
    let folder = empty_folder("log-files");
    let (first, second) = split(bytes).unwrap_or((bytes, &[]));
    fs::write(folder.join(log::SEGMENT), first).expect("writes");
    if !second.is_empty() {
        let scn = field(second, FIRST_SCN_AT).map_or(2, u64::from_le_bytes);
        fs::write(folder.join(format!("{scn:020}.log")), second).expect("writes");
    }
    let verified = verify(&folder).map_err(|error| named(error, &folder));
    // Listing does not panic, whatever the fault.
    let listed = list(&folder);
    if let Some(fault) = verified?.faults.first() {
        return Err(named(fault, &folder));
    }
    Ok(listed.unwrap_or_else(|error| panic!("nothing is wrong with the log, and {error}")))
}

/// Lists all durable windows as they are printed. Returns an error if a window cannot be read, or
/// if a read from another place differs.
fn list(folder: &Path) -> Result<String, String> {
    let mut files = LogFiles::open(folder).map_err(|error| named(error, folder))?;
    let oldest = files.status().oldest_after_scn;
    let reader = files
        .read_after(oldest)
        .map_err(|error| named(error, folder));
    let mut reader = reader?;
    let mut windows = Vec::new();
    while let Some(part) = reader.next_part().map_err(|error| named(error, folder))? {
        let (scn, (text, json)) = (part.scn, part_lines(part));
        windows.push((scn, format!("{text}{json}\n")));
    }
    // The index now has entries. A read that uses them returns the same windows.
    for (place, (after, _)) in windows.iter().enumerate() {
        let reader = files.read_after(Scn::new(*after));
        let next = reader.and_then(|mut reader| reader.next_part());
        let next = next.map_err(|error| error.to_string())?;
        let expected = windows[place..].iter().find(|(scn, _)| scn > after);
        let [next, expected] = [next.map(|part| part.scn), expected.map(|(scn, _)| *scn)];
        if next != expected {
            return Err(format!("{next:?} and not {expected:?} follows {after}"));
        }
    }
    files.refresh().map_err(|error| named(error, folder))?;
    match reader.next_part().map_err(|error| named(error, folder))? {
        None => Ok(windows.into_iter().map(|(_, text)| text).collect()),
        Some(part) => Err(format!("window {} is new", part.scn)),
    }
}
