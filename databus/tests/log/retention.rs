//! Retention: which segments are removed, which stay, and what readers and crashes in between find.

use crate::memory_disk::MemoryDisk;
use crate::windows::{connections, open, options, origin, read_on, seed};
use cloud_model::Scn;
use databus::{Dropped, KeptFor, Log, ReadError, Retention};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn smaller_than(bytes: u64) -> Retention {
    Retention {
        bytes_max: Some(bytes),
        ..Retention::default()
    }
}

fn younger_than(seconds: u64) -> Retention {
    Retention {
        age_max: Some(Duration::from_secs(seconds)),
        ..Retention::default()
    }
}

/// Returns a log of this many windows. Each has its own segment, written a second after the one
/// before.
fn log_of(windows: u64, disk: &Arc<MemoryDisk>) -> Log {
    let log = open(disk, 0);
    for scn in 1..=windows {
        disk.set_second(scn);
        log.append_blocking(connections(scn, 1)).unwrap();
    }
    log
}

/// Applies a retention to a log of five windows, and checks after which SCN the log can then be
/// read.
#[track_caller]
fn check(retention: Retention, needed_after_scn: u64, now: u64, oldest_after_scn: u64) {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(5, &disk);
    let before = log.status();
    let dropped = log
        .retain(retention, Scn::new(needed_after_scn), at(now))
        .unwrap();
    let after = log.status();
    assert_eq!(
        [after.oldest_after_scn, after.head],
        [oldest_after_scn, 5].map(Scn::new),
        "{retention:?}"
    );
    let gone = Dropped {
        segments: before.segments - after.segments,
        bytes: before.bytes - after.bytes,
        ..Dropped::default()
    };
    assert_eq!(
        (dropped, gone.segments as u64),
        (gone, oldest_after_scn),
        "{retention:?}"
    );
    assert_eq!(disk.segments().len(), after.segments);
    check_readable(&log, oldest_after_scn);
    // The removal survives a restart. So does the source's last offset: its removed windows are
    // repeats.
    drop(log);
    let log = open(&disk, 0);
    assert_eq!(log.status().oldest_after_scn.get(), oldest_after_scn);
    check_readable(&log, oldest_after_scn);
    assert!(log.append_blocking(connections(1, 1)).unwrap().repeat);
    assert_eq!(log.append_blocking(connections(6, 1)).unwrap().scn.get(), 6);
}

#[test]
fn what_is_wanted_goes_by_size_alone() {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(5, &disk);
    let kept_for = KeptFor {
        needed_after_scn: Scn::new(3),
        wanted_after_scn: Scn::new(1),
    };
    let aged = log.retain(younger_than(0), kept_for, at(99)).unwrap();
    assert_eq!((aged.segments, aged.wanted_segments), (1, 0));
    let sized = log.retain(smaller_than(0), kept_for, at(99)).unwrap();
    assert_eq!((sized.segments, sized.wanted_segments), (2, 2));
    check_readable(&log, 3);
}

fn check_readable(log: &Log, oldest_after_scn: u64) {
    for after_scn in 0..=log.head().get() {
        match log.read_after(Scn::new(after_scn)) {
            Ok(mut reader) => {
                assert!(after_scn >= oldest_after_scn);
                let read = read_on(&mut reader, after_scn);
                assert_eq!(read.len() as u64, log.head().get() - after_scn);
            }
            Err(ReadError::TooOld {
                oldest_after_scn: told,
                ..
            }) => {
                assert!(after_scn < oldest_after_scn);
                assert_eq!(told.get(), oldest_after_scn);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn whole_segments_go_by_age_and_by_size_but_never_the_last() {
    const NOBODY: u64 = u64::MAX;
    check(Retention::default(), NOBODY, 1_000_000, 0);
    check(smaller_than(u64::MAX), NOBODY, 0, 0);
    check(smaller_than(0), NOBODY, 0, 4);
    // The second segment was written until the third was begun, at second 3.
    check(younger_than(2), NOBODY, 5, 1);
    check(younger_than(2), NOBODY, 6, 2);
    check(younger_than(0), NOBODY, 1_000_000, 4);
    // A clock that went back makes no segment old.
    check(younger_than(0), NOBODY, 0, 0);
}

#[test]
fn what_is_needed_stays() {
    for needed_after_scn in 0..=5 {
        check(
            smaller_than(0),
            needed_after_scn,
            0,
            needed_after_scn.min(4),
        );
        check(
            younger_than(0),
            needed_after_scn,
            99,
            needed_after_scn.min(4),
        );
    }
}

#[test]
fn a_size_counts_all_segments() {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(5, &disk);
    let bytes = log.status().bytes;
    log.retain(smaller_than(bytes), Scn::MAX, at(0)).unwrap();
    assert_eq!(log.status().oldest_after_scn.get(), 0);
    log.retain(smaller_than(bytes - 1), Scn::MAX, at(0))
        .unwrap();
    assert_eq!(log.status().oldest_after_scn.get(), 1);
}

#[test]
fn a_reader_reads_its_segment_to_the_end_and_is_told_that_the_next_is_gone() {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(5, &disk);
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    assert_eq!(reader.next_window().unwrap().unwrap().scn.get(), 1);
    let mut late = log.read_after(Scn::new(3)).unwrap();
    log.retain(smaller_than(0), Scn::new(3), at(0)).unwrap();
    let refused = reader.next_window().unwrap_err();
    assert!(
        matches!(
            refused,
            ReadError::TooOld { after_scn, oldest_after_scn }
                if [after_scn, oldest_after_scn] == [1, 3].map(Scn::new)
        ),
        "{refused}"
    );
    // The reader's segment has no name any more.
    log.retain(smaller_than(0), Scn::MAX, at(0)).unwrap();
    assert_eq!(log.status().oldest_after_scn.get(), 4);
    assert_eq!(read_on(&mut late, 3).len(), 2);
}

#[test]
fn what_cannot_be_removed_is_named_and_stays_in_the_log() {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(3, &disk);
    let fail: [fn(&MemoryDisk); 2] = [|disk| disk.fail_removes(1), |disk| disk.fail_name_syncs(1)];
    for fail in fail {
        fail(&disk);
        let error = log.retain(smaller_than(0), Scn::MAX, at(0)).unwrap_err();
        assert!(
            error.to_string().contains("00000000000000000001.log"),
            "{error}"
        );
        check_readable(&log, 0);
    }
    log.retain(smaller_than(0), Scn::MAX, at(0)).unwrap();
    check_readable(&log, 2);
}

#[test]
fn a_closed_log_lets_go_of_nothing() {
    let disk = Arc::new(MemoryDisk::default());
    let log = log_of(3, &disk);
    log.close().unwrap();
    let dropped = log.retain(smaller_than(0), Scn::MAX, at(0)).unwrap();
    assert_eq!((dropped, disk.segments().len()), (Dropped::default(), 3));
}

/// Checks that a crash during removals, with appends in between, leaves an end of the same log.
#[test]
fn a_crash_leaves_an_end_of_the_log() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..50 {
        let disk = Arc::new(MemoryDisk::default());
        let log = log_of(random.random_range(2..8), &disk);
        disk.watch();
        for _ in 0..3 {
            let needed_after_scn = random.random_range(0..=log.head().get());
            log.retain(smaller_than(0), Scn::new(needed_after_scn), at(0))
                .unwrap();
            let dropped = log.status().oldest_after_scn.get();
            let acknowledged = log
                .append_blocking(connections(log.head().get() + 1, 1))
                .unwrap();
            for crashed in disk.watched() {
                let crashed = Arc::new(crashed.powerless(&mut random));
                let found = Log::open_on(crashed, origin(), options(0)).unwrap();
                assert!(found.status().oldest_after_scn.get() <= dropped);
                assert!(found.head().get() + 1 >= acknowledged.scn.get());
                check_readable(&found, found.status().oldest_after_scn.get());
            }
        }
    }
}

/// The times of files are changed by backups, copies and wrong clocks. A segment's age is what the
/// header of its successor states.
#[test]
fn the_age_of_a_segment_does_not_depend_on_the_time_of_its_file() {
    let hour = Duration::from_secs(3_600);
    let now = SystemTime::now();
    for written_at in [now + 500_000 * hour, now + hour, now - 500 * hour, at(0)] {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), origin(), options(0)).unwrap();
        for offset in 1..=5 {
            log.append_blocking(connections(offset, 1)).unwrap();
        }
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(written_at).unwrap();
        }
        let hours = |hours| Retention {
            age_max: Some(hours * hour),
            ..Retention::default()
        };
        for (age_max, segments) in [(2, 0), (0, 4)] {
            let later = SystemTime::now() + hour;
            let dropped = log.retain(hours(age_max), Scn::MAX, later).unwrap();
            assert_eq!(dropped.segments, segments, "{written_at:?}, {age_max} h");
        }
    }
}
