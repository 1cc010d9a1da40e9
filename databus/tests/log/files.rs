//! The files of a log, read beside the log that owns them: only what is durable, and all of it in
//! the end.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, connections, open, origin, read_on, seed};
use cloud_model::Scn;
use databus::{Log, LogFiles, LogOptions, OpenError, Retention, Verified, verify};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{fs, path::Path, sync::Arc, time::SystemTime};

fn files(disk: &Arc<MemoryDisk>) -> LogFiles {
    LogFiles::open_on(Arc::clone(disk) as _).unwrap()
}

/// Appends random windows, with failing syncs and segments that end. After some of them it reads
/// the files, with a reader that has followed from the start and with a new one.
#[test]
fn what_is_read_is_durable_and_in_the_end_all_of_it() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..50 {
        let disk = Arc::new(MemoryDisk::default());
        let log = open(&disk, [0, 400, 1000, 1 << 20][random.random_range(0..4)]);
        let mut windows = RandomWindows::new(random.random());
        let mut acknowledged = Vec::new();
        let mut follower = files(&disk);
        let (mut reader, mut read) = (follower.read_after(Scn::BEGINNING).unwrap(), Vec::new());
        for _ in 0..30 {
            if random.random_bool(0.2) {
                disk.fail_syncs(1);
            }
            let window = windows.next();
            if log.append_blocking(window.clone()).is_ok() {
                acknowledged.push(window);
            }
            disk.fail_syncs(0);
            if random.random() {
                follower.refresh().unwrap();
                read.extend(read_on(&mut reader, read.len() as u64));
                assert!(
                    read == acknowledged[..read.len()],
                    "window {} was read, and not acknowledged",
                    read.len()
                );
                let afresh = files(&disk);
                assert_eq!(afresh.status(), follower.status());
            }
        }
        // After a failure no mark says that the bytes before it are durable. The next segment does.
        let last = windows.next();
        log.append_blocking(last.clone()).unwrap();
        acknowledged.push(last);
        log.close().unwrap();
        follower.refresh().unwrap();
        read.extend(read_on(&mut reader, read.len() as u64));
        assert_eq!(read.len(), acknowledged.len());
        assert!(read == acknowledged, "another window was read");
        assert_eq!(follower.status(), log.status());
        assert_eq!(
            (follower.log_id(), follower.origin()),
            (log.log_id(), log.origin())
        );
    }
}

#[test]
fn what_the_owner_lets_go_of_is_gone_for_its_readers() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    for offset in 1..=5 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    let mut files = files(&disk);
    let mut reader = files.read_after(Scn::BEGINNING).unwrap();
    reader.next_window().unwrap().unwrap();
    let smallest = Retention {
        bytes_max: Some(0),
        ..Retention::default()
    };
    log.retain(smallest, Scn::MAX, SystemTime::UNIX_EPOCH)
        .unwrap();
    files.refresh().unwrap();
    assert_eq!(files.status().oldest_after_scn.get(), 4);
    assert!(matches!(
        reader.next_window(),
        Err(databus::ReadError::TooOld {
            after_scn,
            oldest_after_scn,
        }) if [after_scn, oldest_after_scn] == [1, 4].map(Scn::new)
    ));
}

#[test]
fn a_reader_that_looks_too_late_is_told_what_is_kept() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    log.append_blocking(connections(1, 1)).unwrap();
    let mut files = files(&disk);
    let mut reader = files.read_after(Scn::BEGINNING).unwrap();
    for offset in 2..=5 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    let smallest = Retention {
        bytes_max: Some(0),
        ..Retention::default()
    };
    log.retain(smallest, Scn::new(2), SystemTime::UNIX_EPOCH)
        .unwrap();
    files.refresh().unwrap();
    assert_eq!(files.status().oldest_after_scn.get(), 2);
    // The reader never saw its segment to the end, and the segment is gone.
    assert!(matches!(
        reader.next_window(),
        Err(databus::ReadError::TooOld {
            after_scn,
            oldest_after_scn,
        }) if [after_scn, oldest_after_scn] == [0, 2].map(Scn::new)
    ));
    assert_eq!(
        read_on(&mut files.read_after(Scn::new(2)).unwrap(), 2).len(),
        2
    );
}

/// Creates a closed log of three segments, with one window each.
fn log_in(folder: &Path) {
    let options = LogOptions {
        segment_bytes: 0,
        ..LogOptions::default()
    };
    let log = Log::open(folder, origin(), options).unwrap();
    for offset in 1..=3 {
        log.append_blocking(connections(offset, 3)).unwrap();
    }
    log.close().unwrap();
}

const SECOND: &str = "00000000000000000002.log";
const LAST: &str = "00000000000000000003.log";

/// Returns the faults of a log of which the file with this name was changed.
fn faults(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (Verified, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    log_in(folder.path());
    let path = folder.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let verified = verify(folder.path()).unwrap();
    let faults = verified.faults.iter().map(ToString::to_string).collect();
    (verified, faults)
}

#[test]
fn every_fault_is_named_with_its_file_and_offset() {
    let (sound, _) = faults(LAST, |_| {});
    assert_eq!(
        (sound.segments, sound.windows, sound.faults.len()),
        (3, 3, 0)
    );
    assert_eq!(sound.undurable_bytes, 0);
    // Every header but the first names the one source.
    let header = 104 + 2 + "core".len() + 16;
    // Damage of the second segment, and of the last one, whose mark says that its window was
    // durable.
    for name in [SECOND, LAST] {
        for at in [20, header, header + 4, header + 40] {
            let (verified, faults) = faults(name, |bytes| bytes[at] ^= 1);
            assert!(!faults.is_empty() && verified.windows >= 1, "{name} {at}");
            assert!(faults[0].contains(name), "{faults:?}");
            let offset = if at < header { "byte 0" } else { "byte " };
            assert!(faults[0].contains(offset), "{faults:?}");
        }
    }
    let (_, missing) = faults(SECOND, Vec::clear);
    assert!(missing[0].contains(SECOND), "{missing:?}");
    let (cut, _) = faults(LAST, |bytes| bytes.truncate(header + 20));
    assert_eq!((cut.windows, cut.faults.len()), (2, 0));
    // Nothing behind these bytes says that they were durable: a crash may have left them.
    assert_eq!(cut.undurable_bytes, 20);
}

#[test]
fn a_folder_without_a_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for refused in [
        LogFiles::open(folder.path()).map(drop),
        verify(folder.path()).map(drop),
        Log::open_any(folder.path(), LogOptions::default()).map(drop),
    ] {
        assert!(matches!(refused, Err(OpenError::NoLog { .. })));
    }
    let missing = folder.path().join("a/missing");
    let refused = Log::open_any(&missing, LogOptions::default());
    assert!(matches!(refused, Err(OpenError::NoLog { .. })));
    assert!(!folder.path().join("a").exists());
    log_in(folder.path());
    assert_eq!(
        Log::open_any(folder.path(), LogOptions::default())
            .unwrap()
            .head()
            .get(),
        3
    );
}

#[test]
fn a_log_is_read_while_its_owner_has_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), origin(), LogOptions::default()).unwrap();
    for offset in 1..=3 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    // A group is known to be durable from the frames of the next group, or from the mark that
    // follows if none comes.
    let mut files = LogFiles::open(folder.path()).unwrap();
    while files.status().head.get() < 3 {
        files.refresh().unwrap();
        std::thread::yield_now();
    }
    assert_eq!(
        read_on(&mut files.read_after(Scn::BEGINNING).unwrap(), 0).len(),
        3
    );
    assert!(verify(folder.path()).unwrap().faults.is_empty());
    assert_eq!(log.append_blocking(connections(4, 1)).unwrap().scn.get(), 4);
}
