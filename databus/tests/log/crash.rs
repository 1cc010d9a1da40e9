//! Crashes at every operation of the disk: a kill or a loss of power, during appends and during
//! recovery.
//!
//! Some of the syncs during the appends fail. Recovery finds a prefix of what was sent, with every
//! window that was acknowledged.

use crate::memory_disk::MemoryDisk;
use crate::windows::{RandomWindows, connections, open, read_all, seed};
use databus::Window;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

const HISTORIES: usize = 100;
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

/// Appends windows with faults in between. Every copy of the disk that an append left behind is
/// crashed and recovered.
fn history(random: &mut StdRng) {
    let disk = Arc::new(MemoryDisk::default());
    let segment_bytes = [0, 400, 1000, 1 << 20][random.random_range(0..4)];
    let log = open(&disk, segment_bytes);
    disk.watch();
    let mut windows = RandomWindows::new(random.random());
    let mut sent = Sent::default();
    for _ in 0..APPENDS {
        let window = windows.next();
        match random.random_range(0..8) {
            0 => disk.fail_syncs(random.random_range(1..3)),
            1 => disk.fail_name_syncs(1),
            2 => disk.set_room(Some(random.random_range(0..300))),
            3 => disk.set_room(None),
            _ => {}
        }
        sent.open.push(window.clone());
        let answered = log.append_blocking(window.clone()).is_ok();
        for crashed in disk.watched() {
            check(&crashed, &sent, random);
        }
        if answered {
            sent.acknowledged.push(window);
            sent.open.clear();
            check(&disk.killed(), &sent, random);
        }
    }
    disk.set_room(None);
    drop(log);
    for crashed in disk.watched() {
        check(&crashed, &sent, random);
    }
}

/// The windows that were sent to the log so far.
#[derive(Default)]
struct Sent {
    acknowledged: Vec<Window>,
    /// The windows that were rejected since, or are not answered yet. One of them may still have
    /// become durable, at the end.
    open: Vec<Window>,
}

impl Sent {
    fn check(&self, found: &[Window]) {
        let (acknowledged, further) = found.split_at(self.acknowledged.len().min(found.len()));
        assert_eq!(acknowledged, self.acknowledged);
        assert!(further.len() <= 1 && further.iter().all(|window| self.open.contains(window)));
    }
}

fn check(crashed: &MemoryDisk, sent: &Sent, random: &mut StdRng) {
    for crashed in [crashed.killed(), crashed.powerless(random)] {
        let crashed = Arc::new(crashed);
        crashed.watch();
        let log = open(&crashed, 1000);
        let mut found = read_all(&log);
        sent.check(&found);
        // Recovery itself may crash at any operation.
        for during in crashed.watched() {
            sent.check(&read_all(&open(&Arc::new(during.powerless(random)), 1000)));
        }
        // What the log has served once is there after any later crash, and so is what is appended
        // then.
        let served = crashed.powerless(random);
        assert_eq!(read_all(&open(&Arc::new(served), 1000)), found);
        found.push(Window {
            source_id: "later".to_owned(),
            ..connections(1, 1)
        });
        log.append_blocking(found[found.len() - 1].clone()).unwrap();
        let appended = crashed.powerless(random);
        assert_eq!(read_all(&open(&Arc::new(appended), 1000)), found);
    }
}
