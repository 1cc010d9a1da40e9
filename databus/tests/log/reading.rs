//! Readers: they begin after any SCN, read parts or windows, wait at the head, and continue from
//! there.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, connections, open, read_on};
use cloud_model::Scn;
use databus::{Log, ReadError};
use std::{sync::Arc, thread};

#[test]
fn a_reader_begins_after_any_scn() {
    for segment_bytes in [0, 3000, 100_000, 1 << 30] {
        let disk = Arc::new(MemoryDisk::default());
        let mut windows = RandomWindows::new(segment_bytes);
        let expected: Vec<_> = (0..300).map(|_| windows.next()).collect();
        let log = open(&disk, segment_bytes);
        for window in &expected {
            log.append_blocking(window.clone()).unwrap();
        }
        check_every_scn(&log, &expected);
        drop(log);
        // Segments from before the log was opened have no index yet.
        check_every_scn(&open(&disk, segment_bytes), &expected);
    }
}

fn check_every_scn(log: &Log, expected: &[databus::Window]) {
    for after_scn in (0..=expected.len()).rev().step_by(7) {
        let mut reader = log.read_after(Scn::new(after_scn as u64)).unwrap();
        assert_eq!(reader.after_scn().get(), after_scn as u64);
        assert_eq!(
            read_on(&mut reader, after_scn as u64),
            expected[after_scn..]
        );
    }
}

#[test]
fn a_window_is_read_in_its_parts() {
    let log = open(&Arc::new(MemoryDisk::default()), 1 << 20);
    let window = RandomWindows::new(1).next_of_many_parts();
    log.append_blocking(window.clone()).unwrap();
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    let mut changes = Vec::new();
    for number in 0.. {
        let Some(part) = reader.next_part().unwrap() else {
            break;
        };
        assert_eq!((part.scn, part.part), (1, number));
        assert_eq!(
            (&part.source_id, part.source_offset),
            (&window.source_id, window.source_offset)
        );
        assert_eq!(part.commit_time, window.commit_time);
        assert!(prost::Message::encoded_len(&part) <= databus::limits::PART_BYTES_MAX);
        changes.extend(part.changes.iter().cloned());
        if part.last {
            assert!(number > 0 && reader.next_part().unwrap().is_none());
            break;
        }
    }
    assert_eq!(changes, window.changes);
}

#[test]
fn an_scn_beyond_the_head_is_refused() {
    let log = open(&Arc::new(MemoryDisk::default()), 1 << 20);
    log.append_blocking(connections(1, 1)).unwrap();
    assert!(log.read_after(Scn::new(1)).is_ok());
    let refused = log.read_after(Scn::new(2)).unwrap_err();
    assert!(
        matches!(
            refused,
            ReadError::BeyondHead { after_scn, head }
                if [after_scn, head] == [2, 1].map(Scn::new)
        ),
        "{refused}"
    );
}

#[test]
fn an_scn_before_the_oldest_kept_is_refused() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    for offset in 1..=5 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    drop(log);
    let oldest = &disk.segments()[..2];
    for name in oldest {
        databus::disk::Disk::remove(&*disk, name).unwrap();
    }
    let log = open(&disk, 0);
    assert_eq!(log.status().oldest_after_scn.get(), 2);
    assert_eq!(
        read_on(&mut log.read_after(Scn::new(2)).unwrap(), 2).len(),
        3
    );
    let refused = log.read_after(Scn::new(1)).unwrap_err();
    assert!(
        matches!(
            refused,
            ReadError::TooOld { after_scn, oldest_after_scn }
                if [after_scn, oldest_after_scn] == [1, 2].map(Scn::new)
        ),
        "{refused}"
    );
}

#[test]
fn a_reader_that_waits_at_the_head_is_woken() {
    let log = open(&Arc::new(MemoryDisk::default()), 500);
    let follower = log.clone();
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let (mut head, mut reader) = (
            follower.head_watch(),
            follower.read_after(Scn::BEGINNING).unwrap(),
        );
        let mut windows = Vec::new();
        while windows.len() < 50 {
            match reader.next_window().unwrap() {
                Some(logged) => windows.push(databus::Window::from(logged.window)),
                None => runtime.block_on(head.changed()).unwrap(),
            }
        }
        windows
    });
    let expected: Vec<_> = (1..=50).map(|offset| connections(offset, 2)).collect();
    for window in &expected {
        log.append_blocking(window.clone()).unwrap();
    }
    assert_eq!(thread.join().unwrap(), expected);
}
