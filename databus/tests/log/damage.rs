//! Rot and torn tails: durable data is served as it was or rejected by file name; what was torn is
//! cut.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, connections, open, options, origin, read_all};
use cloud_model::Scn;
use databus::{Log, LogOptions, OpenError, ReadError, Window};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{path::Path, sync::Arc};

fn reopen(disk: &Arc<MemoryDisk>, options: LogOptions) -> Result<Log, OpenError> {
    Log::open_on(Arc::clone(disk) as _, origin(), options)
}

/// Returns a log of one segment, in which each window has one frame, and the end of each frame. The
/// log is not closed: it has no mark at its end.
fn log_with_ends(windows: u64) -> (MemoryDisk, Vec<Window>, Vec<usize>) {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 30);
    let mut expected = Vec::new();
    let mut ends = vec![disk.bytes(&disk.segments()[0]).len()];
    for offset in 1..=windows {
        expected.push(connections(offset, offset % 4));
        log.append_blocking(connections(offset, offset % 4))
            .unwrap();
        ends.push(disk.bytes(&disk.segments()[0]).len());
    }
    (disk.killed(), expected, ends)
}

#[test]
fn a_log_cut_at_any_byte_of_its_last_frames_keeps_what_stands_before() {
    let (disk, expected, ends) = log_with_ends(8);
    let name = &disk.segments()[0];
    let whole = disk.bytes(name);
    for cut in ends[5]..=ends[8] {
        let disk = Arc::new(disk.killed());
        disk.set_bytes(name, whole[..cut].to_vec());
        let log = open(&disk, 1 << 30);
        let kept = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(read_all(&log), expected[..kept], "cut at {cut}");
        // The log continues from there.
        log.append_blocking(connections(100, 1)).unwrap();
        drop(log);
        let again = read_all(&open(&disk, 1 << 30));
        assert_eq!(
            (again.len(), again.last()),
            (kept + 1, Some(&connections(100, 1))),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_window_that_lacks_parts_is_cut_as_a_whole() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 30);
    log.append_blocking(connections(1, 1)).unwrap();
    let name = disk.segments()[0].clone();
    let first = disk.bytes(&name).len();
    let window = RandomWindows::new(3).next_of_many_parts();
    log.append_blocking(window.clone()).unwrap();
    let killed = disk.killed();
    let whole = killed.bytes(&name);
    for cut in [
        first + 1,
        first + (1 << 20) - 30,
        first + (1 << 20) + 100,
        whole.len() - 1,
        whole.len(),
    ] {
        let disk = Arc::new(killed.killed());
        disk.set_bytes(&name, whole[..cut].to_vec());
        let log = open(&disk, 1 << 30);
        let kept = if cut == whole.len() { 2 } else { 1 };
        assert_eq!(
            read_all(&log),
            [connections(1, 1), window.clone()][..kept],
            "cut at {cut}"
        );
        log.append_blocking(connections(9, 1)).unwrap();
        assert_eq!(read_all(&log).len(), kept + 1);
    }
}

#[test]
fn zeros_behind_the_last_frame_are_a_torn_tail() {
    let (disk, expected, _) = log_with_ends(3);
    let name = &disk.segments()[0];
    for zeros in [1, 16, 100, 5000] {
        let disk = Arc::new(disk.killed());
        let mut bytes = disk.bytes(name);
        bytes.resize(bytes.len() + zeros, 0);
        disk.set_bytes(name, bytes);
        assert_eq!(read_all(&open(&disk, 1 << 30)), expected);
    }
}

/// Checks two windows of one group, the first of them torn. The second reads back. It would stand
/// right behind a window of the first one's length.
#[tokio::test]
async fn what_stands_behind_a_torn_frame_does_not_come_back() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 30);
    let name = disk.segments()[0].clone();
    let begin = disk.bytes(&name).len();
    let (first, second) =
        tokio::join!(log.append(connections(1, 1)), log.append(connections(2, 1)));
    assert_eq!(
        (first.unwrap().scn.get(), second.unwrap().scn.get()),
        (1, 2)
    );
    let disk = disk.killed();
    let mut bytes = disk.bytes(&name);
    bytes[begin + 20] ^= 1;
    disk.set_bytes(&name, bytes);
    let disk = Arc::new(disk);
    let log = open(&disk, 1 << 30);
    assert_eq!(log.head().get(), 0);
    log.append(connections(3, 1)).await.unwrap();
    assert_eq!(
        read_all(&open(&Arc::new(disk.killed()), 1 << 30)),
        [connections(3, 1)]
    );
}

#[test]
fn every_flipped_bit_is_refused_by_name_or_harmless() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 500);
    let expected: Vec<_> = (1..=12)
        .map(|offset| connections(offset, offset % 3))
        .collect();
    for window in &expected {
        log.append_blocking(window.clone()).unwrap();
    }
    drop(log);
    let segments = disk.segments();
    assert!(segments.len() >= 2);
    let (mut refused, mut recovered) = (0, 0);
    for name in &segments {
        let whole = disk.bytes(name);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let disk = Arc::new(disk.killed());
            disk.set_bytes(name, flipped);
            match served(&disk, name) {
                Some(windows) => {
                    recovered += 1;
                    assert_eq!(windows, expected, "{name}, bit {bit}");
                }
                None => refused += 1,
            }
        }
    }
    // Only the closing mark may be lost, because nothing says that it was durable.
    assert_eq!(recovered, 16 * 8, "and {refused} were refused");
}

#[test]
fn random_damage_is_never_served() {
    let seed = crate::windows::seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..300 {
        let disk = Arc::new(MemoryDisk::default());
        let log = open(&disk, random.random_range(300..5000));
        let mut windows = RandomWindows::new(random.random());
        let expected: Vec<_> = (0..20).map(|_| windows.next()).collect();
        for window in &expected {
            log.append_blocking(window.clone()).unwrap();
        }
        drop(log);
        let segments = disk.segments();
        let name = &segments[random.random_range(0..segments.len())];
        let mut bytes = disk.bytes(name);
        let whole = bytes.len();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] ^= random.random_range(1..=255),
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, random.random()),
                _ => bytes[at..].reverse(),
            }
        }
        disk.set_bytes(name, bytes);
        if let Some(windows) = served(&disk, name) {
            assert_eq!(windows, expected[..windows.len()], "{name}");
            // Windows are missing only if the last segment ends early, as after a crash.
            assert!(
                windows.len() == expected.len() || (name == segments.last().unwrap() && whole > 0)
            );
        }
    }
}

/// Returns the windows that a damaged log serves; `None` if it is rejected with the file's name.
fn served(disk: &Arc<MemoryDisk>, name: &str) -> Option<Vec<Window>> {
    let damaged_file = Path::new("memory").join(name);
    let log = match reopen(disk, options(1 << 30)) {
        Ok(log) => log,
        Err(error) => {
            assert!(
                error
                    .to_string()
                    .starts_with(damaged_file.to_str().unwrap()),
                "{error}"
            );
            return None;
        }
    };
    let mut reader = log.read_after(Scn::BEGINNING).unwrap();
    let mut windows = Vec::new();
    loop {
        match reader.next_window() {
            Ok(Some(logged)) => windows.push(Window::from(logged.window)),
            Ok(None) => return Some(windows),
            Err(ReadError::Damaged { file, .. }) => {
                assert_eq!(file, damaged_file);
                return None;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn rot_below_a_mark_names_the_file_and_the_byte() {
    let (disk, _, ends) = log_with_ends(6);
    let name = &disk.segments()[0];
    let mut bytes = disk.bytes(name);
    bytes[ends[2] + 20] ^= 1;
    disk.set_bytes(name, bytes);
    let error = reopen(&Arc::new(disk.killed()), options(1 << 30)).unwrap_err();
    let OpenError::Damaged {
        file,
        offset,
        reason,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (file, offset),
        (Path::new("memory").join(name), ends[2] as u64)
    );
    assert!(reason.ends_with("it was durable"), "{reason}");
}

#[test]
fn the_last_frame_is_rot_only_if_somebody_knows_that_it_was_durable() {
    let (disk, expected, ends) = log_with_ends(6);
    let name = &disk.segments()[0];
    let mut bytes = disk.bytes(name);
    bytes[ends[5] + 20] ^= 1;
    disk.set_bytes(name, bytes);
    let open_knowing = |durable_scn| {
        let options = LogOptions {
            durable_scn: Scn::new(durable_scn),
            ..options(1 << 30)
        };
        reopen(&Arc::new(disk.killed()), options)
    };
    let error = open_knowing(6).unwrap_err();
    assert!(
        matches!(error, OpenError::Damaged { offset, .. } if offset == ends[5] as u64),
        "{error}"
    );
    assert_eq!(read_all(&open_knowing(5).unwrap()), expected[..5]);
}

#[test]
fn segments_that_do_not_fit_each_other_are_refused() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 0);
    for offset in 1..=4 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    drop(log);
    let other = Arc::new(MemoryDisk::default());
    let log = open(&other, 0);
    for offset in 1..=4 {
        log.append_blocking(connections(offset, 1)).unwrap();
    }
    drop(log);
    let segments = disk.segments();
    let refused = |reason: &str, change: &dyn Fn(&MemoryDisk)| {
        let disk = Arc::new(disk.killed());
        change(&disk);
        let error = reopen(&disk, options(0)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    };
    refused("which is missing", &|disk| {
        databus::disk::Disk::remove(disk, &segments[1]).unwrap()
    });
    refused("it is the segment of SCN 3", &|disk| {
        disk.set_bytes(&segments[1], disk.bytes(&segments[2]))
    });
    refused("of log", &|disk| {
        disk.set_bytes(&segments[2], other.bytes(&segments[2]))
    });
    refused("follows byte", &|disk| {
        let bytes = disk.bytes(&segments[1]);
        disk.set_bytes(&segments[1], bytes[..bytes.len() - 1].to_vec());
    });
    refused("is not a segment", &|disk| {
        disk.set_bytes(&segments[3], Vec::new())
    });
    refused("is not a segment", &|disk| {
        disk.set_bytes(&segments[3], b"0123456789abcdef0123456789".to_vec())
    });
    refused("a log begins with it", &|disk| {
        disk.set_bytes(&segments[1], disk.bytes(&segments[1]));
        let mut bytes = disk.bytes(&segments[1]);
        bytes[56..72].fill(0);
        let end = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let crc = crc32c::crc32c(&bytes[..end - 4]);
        bytes[end - 4..end].copy_from_slice(&crc.to_le_bytes());
        disk.set_bytes(&segments[1], bytes);
    });
}
