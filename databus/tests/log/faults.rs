//! A failed sync and a full disk: callers get the error, reads work, and appends work again without
//! a restart.

use crate::memory_disk::MemoryDisk;
use crate::windows::{connections, open, read_all, seed};
use cloud_model::Scn;
use databus::{AppendError, CheckedWindow, Log, Window};
use rand::{SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

fn log_with_one_window() -> (Arc<MemoryDisk>, Log) {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 20);
    log.append_blocking(connections(1, 1)).unwrap();
    (disk, log)
}

fn refused(log: &Log, window: Window) {
    let (head, read) = (log.head().get(), read_all(log));
    let error = log.append_blocking(window).unwrap_err();
    assert!(matches!(error, AppendError::NotDurable { .. }), "{error}");
    assert_eq!(
        (log.head().get(), read_all(log)),
        (head, read),
        "reads go on, and see nothing of it"
    );
}

/// Checks the windows that recovery finds, however the process or the machine stops now.
fn check_recovery(disk: &MemoryDisk, expected: &[Window]) {
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    assert_eq!(read_all(&open(&Arc::new(disk.killed()), 1 << 20)), expected);
    for _ in 0..20 {
        assert_eq!(
            read_all(&open(&Arc::new(disk.powerless(&mut random)), 1 << 20)),
            expected
        );
    }
}

#[test]
fn after_a_failed_sync_appends_go_on_in_a_new_segment() {
    let (disk, log) = log_with_one_window();
    let mut reader = log.read_after(Scn::new(1)).unwrap();
    disk.fail_syncs(1);
    refused(&log, connections(2, 1));
    assert!(reader.next_window().unwrap().is_none());
    // The same window again is not a repeat, because it was not applied.
    let appended = log.append_blocking(connections(2, 2)).unwrap();
    assert_eq!((appended.scn.get(), appended.repeat), (2, false));
    assert_eq!(log.status().segments, 2);
    assert_eq!(
        Window::from(reader.next_window().unwrap().unwrap().window),
        connections(2, 2)
    );
    let expected = [connections(1, 1), connections(2, 2)];
    assert_eq!(read_all(&log), expected);
    check_recovery(&disk, &expected);
}

#[test]
fn what_failed_to_be_synced_is_not_believed_even_if_it_reads_back() {
    let (disk, log) = log_with_one_window();
    let name = &disk.segments()[0];
    disk.watch();
    disk.fail_syncs(1);
    refused(&log, connections(2, 1));
    let longest = disk
        .watched()
        .into_iter()
        .map(|copy| copy.bytes(name))
        .max_by_key(Vec::len)
        .unwrap();
    assert!(
        longest.len() > disk.bytes(name).len(),
        "the refused window was cut"
    );
    log.append_blocking(connections(2, 2)).unwrap();
    drop(log);
    // The cut did not reach the disk, but the window did.
    disk.set_bytes(name, longest);
    let log = open(&disk, 1 << 20);
    assert_eq!(read_all(&log), [connections(1, 1), connections(2, 2)]);
}

#[test]
fn a_disk_that_fails_for_a_while_is_tried_again() {
    let (disk, log) = log_with_one_window();
    disk.fail_syncs(5);
    for _ in 0..5 {
        refused(&log, connections(2, 1));
    }
    disk.fail_name_syncs(2);
    for _ in 0..2 {
        refused(&log, connections(2, 1));
    }
    assert_eq!(log.append_blocking(connections(2, 1)).unwrap().scn.get(), 2);
    check_recovery(&disk, &[connections(1, 1), connections(2, 1)]);
}

#[test]
fn a_segment_that_never_held_a_window_is_replaced() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 20);
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    for _ in 0..3 {
        disk.fail_syncs(1);
        refused(&log, connections(1, 1));
        // The next attempt begins a new segment, whose first sync fails.
        assert!(reader.next_window().unwrap().is_none());
    }
    log.append_blocking(connections(1, 1)).unwrap();
    assert_eq!(log.status().segments, 1);
    assert_eq!(
        Window::from(reader.next_window().unwrap().unwrap().window),
        connections(1, 1)
    );
    check_recovery(&disk, &[connections(1, 1)]);
}

#[test]
fn a_full_disk_refuses_appends_until_there_is_room() {
    let (disk, log) = log_with_one_window();
    for room in [0, 10, 50, 100, 150] {
        disk.set_room(Some(room));
        refused(&log, connections(2, 20));
        refused(&log, connections(2, 20));
    }
    check_recovery(&disk, &[connections(1, 1)]);
    disk.set_room(None);
    assert_eq!(
        log.append_blocking(connections(2, 20)).unwrap().scn.get(),
        2
    );
    let expected = [connections(1, 1), connections(2, 20)];
    assert_eq!(read_all(&log), expected);
    check_recovery(&disk, &expected);
    drop(log);
    assert_eq!(read_all(&open(&disk, 1 << 20)), expected);
}

#[test]
fn sources_are_as_they_were_before_a_failed_sync() {
    let (disk, log) = log_with_one_window();
    disk.fail_syncs(1);
    refused(&log, connections(9, 1));
    let mark = log.source("core").unwrap();
    assert_eq!((mark.offset, mark.scn.get()), (1, 1));
}

#[tokio::test]
async fn no_window_of_a_pipeline_follows_one_that_failed() {
    let (disk, log) = {
        let disk = Arc::new(MemoryDisk::default());
        let mut options = crate::windows::options(1 << 20);
        // Every window is a group of its own: the first one fails, and the second one would not.
        options.group_bytes_max = 1;
        (
            Arc::clone(&disk),
            Log::open_on(disk, crate::windows::origin(), options).unwrap(),
        )
    };
    let checked = |offset| CheckedWindow::new(connections(offset, 1), log.window_limits()).unwrap();
    disk.fail_syncs(1);
    let pipeline = log.pipeline();
    let (first, second, third) = tokio::join!(
        pipeline.append(checked(1)),
        pipeline.append(checked(2)),
        log.append_checked(checked(3))
    );
    assert!(matches!(first, Err(AppendError::NotDurable { .. })));
    assert!(matches!(second, Err(AppendError::AfterRefused)));
    assert_eq!(
        third.unwrap().scn.get(),
        1,
        "another pipeline is not concerned"
    );
    assert!(matches!(
        pipeline.append(checked(4)).await,
        Err(AppendError::AfterRefused)
    ));
    assert_eq!(
        log.pipeline().append(checked(4)).await.unwrap().scn.get(),
        2
    );
}

#[test]
fn a_mark_that_cannot_be_written_costs_nothing() {
    let (disk, log) = log_with_one_window();
    disk.set_room(Some(3));
    log.close().unwrap_err();
    check_recovery(&disk, &[connections(1, 1)]);
}

#[test]
fn a_mark_follows_a_group_and_does_not_vouch_for_itself() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    // The second window stands behind the mark, or begins a segment.
    for (changes, segment_bytes) in (0..40).map(|run| (run / 2, [1 << 20, 0][run as usize % 2])) {
        let disk = Arc::new(MemoryDisk::default());
        let mut options = crate::windows::options(segment_bytes);
        options.mark_after = std::time::Duration::ZERO;
        let log = Log::open_on(Arc::clone(&disk) as _, crate::windows::origin(), options).unwrap();
        log.append_blocking(connections(1, changes)).unwrap();
        let name = &disk.segments()[0];
        while disk.bytes(name).len() as u64 == log.status().bytes {
            std::thread::yield_now();
        }
        disk.watch();
        log.append_blocking(connections(2, changes)).unwrap();
        let expected = [connections(1, changes), connections(2, changes)];
        for crashed in disk.watched() {
            let found = read_all(&open(&Arc::new(crashed.powerless(&mut random)), 1 << 20));
            assert!(!found.is_empty() && found == expected[..found.len()]);
        }
    }
}
