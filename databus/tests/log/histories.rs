//! The histories of a log: the same for the same windows, and another one from the first window
//! that differs, whatever segments, restarts and parts come between.

use crate::memory_disk::MemoryDisk;
use crate::windows::{connections, open, options, origin};
use cloud_model::{History, LogPoint, Scn};
use databus::{Log, ReadError, Window};
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

/// Returns the points of a log, from its beginning to its head.
fn points(log: &Log) -> Vec<LogPoint> {
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    let mut points = vec![reader.point()];
    while let Some(logged) = reader.next_window().unwrap() {
        assert_eq!(logged.before, points[points.len() - 1].history);
        points.push(LogPoint {
            scn: logged.scn,
            history: logged.history,
        });
    }
    points
}

#[test]
fn every_way_to_a_point_finds_the_same_history() {
    // 1: each window has its own segment.
    for segment_bytes in [0, 1, 1 << 20] {
        let disk = Arc::new(MemoryDisk::default());
        let mut appended = Vec::new();
        for round in 0..3 {
            let log = open(&disk, segment_bytes);
            for offset in 1..=10 {
                let window = connections(round * 10 + offset, 3);
                appended.push(log.append_blocking(window).unwrap().point());
            }
        }
        let log = open(&disk, segment_bytes);
        let points = points(&log);
        assert_eq!(points[1..], appended);
        let distinct: BTreeSet<_> = points.iter().map(|point| point.history).collect();
        assert_eq!(
            (distinct.len(), distinct.contains(&None)),
            (points.len(), false)
        );
        for point in &points {
            assert_eq!(log.read_after(point.scn).unwrap().point(), *point);
        }
        assert_eq!(log.head_point(), points[30]);
        let repeat = log.append_blocking(connections(30, 3)).unwrap();
        assert_eq!((repeat.point(), repeat.repeat), (points[30], true));
    }
}

#[test]
fn two_windows_in_one_group_continue_each_other() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let appends = (1..=100).map(|offset| log.append(connections(offset, 1)));
    let appended: Vec<_> = runtime.block_on(async {
        let mut appended = Vec::new();
        for append in appends.collect::<Vec<_>>() {
            appended.push(append.await.unwrap().point());
        }
        appended
    });
    assert_eq!(points(&log)[1..], appended);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_copy_that_is_written_on_differs_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let log = Log::open(&one, origin(), options(0)).unwrap();
    for offset in 1..=5 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    log.close().unwrap();
    copy(&one, &other);
    let open = |path: &Path| Log::open(path, origin(), options(0)).unwrap();
    let (one, other) = (open(&one), open(&other));
    for offset in 6..=8 {
        one.append_blocking(connections(offset, 1)).unwrap();
        // The same changes with another offset are another window.
        other.append_blocking(connections(offset + 1, 1)).unwrap();
    }
    let (one, other) = (points(&one), points(&other));
    for (scn, (one, other)) in one.iter().zip(&other).enumerate() {
        assert_eq!(one.differs(other), scn > 5, "SCN {scn}");
    }
}

#[test]
fn a_window_of_a_source_without_an_offset_is_never_a_repeat() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    log.append_blocking(connections(7, 1)).unwrap();
    let source_id = connections(7, 1).source_id;
    let without = Window {
        source_offset: 0,
        ..connections(7, 1)
    };
    for scn in 2..=3 {
        let appended = log.append_blocking(without.clone()).unwrap();
        assert_eq!((appended.scn, appended.repeat), (Scn::new(scn), false));
    }
    drop(log);
    let log = open(&disk, 0);
    let mark = log.source(&source_id).unwrap();
    assert_eq!((mark.offset, mark.scn), (7, Scn::new(1)));
    assert!(log.append_blocking(connections(7, 1)).unwrap().repeat);
}

#[test]
fn a_log_of_two_histories_is_not_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    // Each window has its own segment.
    let log = Log::open(&one, origin(), options(1)).unwrap();
    log.append_blocking(connections(1, 1)).unwrap();
    log.close().unwrap();
    copy(&one, &other);
    let open = |path: &Path| Log::open(path, origin(), options(1)).unwrap();
    for (path, offset) in [(&one, 2), (&other, 12)] {
        let log = open(path);
        for offset in offset..offset + 2 {
            log.append_blocking(connections(offset, 1)).unwrap();
        }
        log.close().unwrap();
    }
    // The third segment is taken from the other log: its SCNs fit, and its windows do not.
    let third = "00000000000000000003.log";
    fs::copy(other.join(third), one.join(third)).unwrap();
    let log = open(&one);
    let mut reader = log.read_after(Scn::new(1)).unwrap();
    reader.next_window().unwrap().unwrap();
    let error = reader.next_window().unwrap_err();
    assert!(
        matches!(&error, ReadError::Damaged { reason, .. } if reason.contains("history")),
        "{error}"
    );
    let verified = databus::verify(&one).unwrap();
    assert_eq!(verified.faults.len(), 1, "{verified:?}");
    assert_ne!(log.head_point().history, History::new(0));
}
