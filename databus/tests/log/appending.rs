//! Appends: windows are read back in order, across segments, parts and restarts, and repeats are
//! recognized.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, connect, connections, open, options, origin, read_all};
use databus::{AppendError, InvalidWindow, Log, Window, limits::SOURCES_MAX};
use proptest::prelude::*;
use std::sync::Arc;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_is_appended_is_read_back(
        seed: u64,
        segment_bytes in prop_oneof![Just(0_u64), 200..20_000_u64, Just(128 << 20)],
        sessions in prop::collection::vec(0..40_usize, 1..5),
        many_parts in prop::option::weighted(0.2, 0..20_usize),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut windows = RandomWindows::new(seed);
        let mut expected = Vec::new();
        for appends in sessions {
            let log = Log::open(folder.path(), origin(), options(segment_bytes)).unwrap();
            prop_assert_eq!(log.head().get(), expected.len() as u64);
            prop_assert_eq!(log.origin(), origin());
            let sources = log.sources();
            for number in 0..appends {
                let window = match many_parts {
                    Some(at) if at == number => windows.next_of_many_parts(),
                    _ => windows.next(),
                };
                let appended = log.append_blocking(window.clone()).unwrap();
                expected.push(window);
                prop_assert_eq!(appended.scn.get(), expected.len() as u64);
                prop_assert!(!appended.repeat);
            }
            prop_assert_eq!(&read_all(&log), &expected);
            for mark in sources {
                prop_assert!(log.source(&mark.source_id).unwrap().offset >= mark.offset);
            }
            for mark in log.sources() {
                let last = expected
                    .iter()
                    .rposition(|window| window.source_id == mark.source_id)
                    .unwrap();
                prop_assert_eq!(
                    (mark.scn.get(), mark.offset),
                    (last as u64 + 1, expected[last].source_offset)
                );
            }
        }
    }
}

#[test]
fn a_repeat_is_answered_with_its_sources_last_scn() {
    let disk = Arc::new(MemoryDisk::default());
    for round in 0..2 {
        let log = open(&disk, 300);
        if round == 0 {
            for offset in [10, 20, 30] {
                log.append_blocking(connections(offset, 1)).unwrap();
            }
            let other = Window {
                source_id: "other".to_owned(),
                ..connections(5, 1)
            };
            assert!(!log.append_blocking(other).unwrap().repeat);
        }
        for offset in [1, 10, 15, 20, 30] {
            let appended = log.append_blocking(connections(offset, 3)).unwrap();
            assert_eq!((appended.scn.get(), appended.repeat), (3, true));
        }
        assert_eq!(log.head().get(), 4);
    }
}

#[tokio::test]
async fn a_repeat_within_a_group_waits_for_the_group() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 20);
    let (first, repeat, second) = tokio::join!(
        log.append(connections(7, 1)),
        log.append(connections(7, 1)),
        log.append(connections(8, 1))
    );
    assert_eq!(
        [first, repeat, second].map(|answer| answer.map(|it| (it.scn.get(), it.repeat)).unwrap()),
        [(1, false), (1, true), (2, false)]
    );
}

#[test]
fn windows_without_a_source_are_never_repeats() {
    let log = open(&Arc::new(MemoryDisk::default()), 1 << 20);
    let window = Window {
        changes: vec![connect(1, 2)],
        ..Window::default()
    };
    for scn in 1..=3 {
        let appended = log.append_blocking(window.clone()).unwrap();
        assert_eq!((appended.scn.get(), appended.repeat), (scn, false));
    }
    assert_eq!(log.sources(), []);
}

#[test]
fn the_number_of_sources_is_bounded() {
    let disk = Arc::new(MemoryDisk::default());
    let window = |source: usize, source_offset| Window {
        source_id: format!("{source:0>128}"),
        source_offset,
        ..Window::default()
    };
    let log = open(&disk, 1 << 20);
    for source in 0..SOURCES_MAX {
        log.append_blocking(window(source, 1)).unwrap();
    }
    let refused = log.append_blocking(window(SOURCES_MAX, 1)).unwrap_err();
    assert!(
        matches!(
            refused,
            AppendError::TooManySources {
                sources_max: SOURCES_MAX,
                ..
            }
        ),
        "{refused}"
    );
    drop(log);
    // Every header holds all of the sources, and opening the log finds them there.
    let log = open(&disk, 0);
    log.append_blocking(window(0, 2)).unwrap();
    drop(log);
    let log = open(&disk, 0);
    assert_eq!(log.sources().len(), SOURCES_MAX);
    assert!(log.append_blocking(window(1, 1)).unwrap().repeat);
    assert!(log.append_blocking(window(SOURCES_MAX, 1)).is_err());
}

#[test]
fn a_window_that_is_too_large_asks_for_a_bootstrap() {
    let disk = Arc::new(MemoryDisk::default());
    let mut options = options(1 << 20);
    (options.window_changes_max, options.window_bytes_max) = (10, 200);
    let log = Log::open_on(disk, origin(), options).unwrap();
    log.append_blocking(connections(1, 10)).unwrap();
    let too_many = log.append_blocking(connections(2, 11)).unwrap_err();
    let expected = InvalidWindow::TooManyChanges { changes_max: 10 };
    assert!(matches!(too_many, AppendError::Invalid(found) if found == expected));
    let changes = connections(u64::MAX - 20, 10).changes;
    let large = Window {
        changes,
        ..connections(2, 0)
    };
    let too_large = log.append_blocking(large).unwrap_err();
    let expected = InvalidWindow::TooManyBytes { bytes_max: 200 };
    assert!(matches!(too_large, AppendError::Invalid(found) if found == expected));
    assert_eq!(log.head().get(), 1);
}

#[test]
fn a_closed_log_refuses_windows_and_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), origin(), options(1 << 20)).unwrap();
    log.append_blocking(connections(1, 1)).unwrap();
    log.close().unwrap();
    log.close().unwrap();
    assert!(matches!(
        log.append_blocking(connections(2, 1)),
        Err(AppendError::Closed)
    ));
    assert_eq!(read_all(&log).len(), 1);
    // The lock is released, though the handle still exists.
    drop(Log::open(folder.path(), origin(), options(1 << 20)).unwrap());
}
