//! The bytes that a connection change takes on disk, frame included.

use crate::memory_disk::MemoryDisk;
use crate::windows::{change, open};
use cloud_proto::databus::v1::{ConnectionAdded, change::Event};
use databus::Window;
use prost_types::Timestamp;
use std::sync::Arc;

/// Returns the bytes per change. Each connection has a time, and the source has a name as a
/// database has it.
fn bytes_per_change(changes: u64, id: u64) -> u64 {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 30);
    let empty = log.status().bytes;
    let time = Timestamp {
        seconds: 1_795_000_000,
        nanos: 123_000_000,
    };
    let windows = 100;
    for window in 1..=windows {
        let change = |number| {
            let (member_id, other_id) = (id - window, id - 1000 - number);
            change(Event::ConnectionAdded(ConnectionAdded {
                existing_only: false,
                member_id,
                other_id,
                connected_at: Some(time),
            }))
        };
        let window = Window {
            source_id: "pg:7318349394477056:1".to_owned(),
            source_offset: (0x16 << 32) + window,
            commit_time: Some(time),
            changes: (0..changes).map(change).collect(),
        };
        log.append_blocking(window).unwrap();
    }
    (log.status().bytes - empty).div_ceil(windows * changes)
}

#[test]
fn a_connection_change_stays_within_its_bytes() {
    for (name, id) in [
        ("22 million", 22_000_000),
        ("48 bits", 1 << 48),
        ("64 bits", u64::MAX),
    ] {
        let (single, sixteen) = (bytes_per_change(1, id), bytes_per_change(16, id));
        println!("ids of {name}: {single} bytes in windows of 1, {sixteen} in windows of 16");
        assert!(single <= 128 && sixteen <= 48, "ids of {name}");
    }
}
