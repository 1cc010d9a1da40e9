//! Crashes at every operation of the disk, kill and loss of power, during appends with failing syncs and during recovery:
//! what comes back is a prefix of what was sent, with everything that was acknowledged.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, open, read_all, seed};
use databus::Window;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

const HISTORIES: usize = 40;
const APPENDS: usize = 12;

#[test]
fn a_crash_at_any_operation_keeps_what_was_acknowledged() {
    let seed = seed();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..HISTORIES {
        history(&mut random);
    }
}

/// Appends with faults in between; every copy of the disk that an append left behind is crashed and recovered.
fn history(random: &mut StdRng) {
    let disk = Arc::new(MemoryDisk::default());
    let segment_bytes = [0, 400, 1000, 1 << 20][random.random_range(0..4)];
    let log = open(&disk, segment_bytes);
    disk.watch();
    let mut windows = RandomWindows::new(random.random());
    let mut acknowledged: Vec<Window> = Vec::new();
    for _ in 0..APPENDS {
        let window = windows.next();
        match random.random_range(0..8) {
            0 => disk.fail_syncs(random.random_range(1..3)),
            1 => disk.fail_name_syncs(1),
            2 => disk.set_room(Some(random.random_range(0..300))),
            3 => disk.set_room(None),
            _ => {}
        }
        let answered = log.append_blocking(window.clone()).is_ok();
        let mut sent = acknowledged.clone();
        sent.push(window);
        for crashed in disk.watched() {
            check(&crashed, &acknowledged, &sent, random);
        }
        if answered {
            check(&disk.killed(), &sent, &sent, random);
            acknowledged = sent;
        }
    }
    disk.set_room(None);
    drop(log);
    for crashed in disk.watched() {
        check(&crashed, &acknowledged, &acknowledged, random);
    }
    assert_eq!(
        read_all(&open(&Arc::new(disk.killed()), segment_bytes)),
        acknowledged
    );
}

fn check(crashed: &MemoryDisk, acknowledged: &[Window], sent: &[Window], random: &mut StdRng) {
    for crashed in [crashed.killed(), crashed.powerless(random)] {
        let crashed = Arc::new(crashed);
        crashed.watch();
        let log = open(&crashed, 1000);
        let found = read_all(&log);
        assert!(
            found == acknowledged || found == sent,
            "{} of {} windows",
            found.len(),
            sent.len()
        );
        // What recovery has served once stays, however it ends from here on.
        let served = Arc::new(crashed.powerless(random));
        assert_eq!(read_all(&open(&served, 1000)), found);
        drop(log);
        // And recovery itself may crash anywhere.
        let during = crashed.watched();
        if let Some(during) =
            (!during.is_empty()).then(|| &during[random.random_range(0..during.len())])
        {
            let again = read_all(&open(&Arc::new(during.powerless(random)), 1000));
            assert!(
                again == acknowledged || again == sent,
                "{} of {} windows",
                again.len(),
                sent.len()
            );
        }
    }
}
