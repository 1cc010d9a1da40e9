//! Many callers at once, threads and tasks: every window is stored once, each source's in order, in
//! few syncs.

use crate::memory_disk::MemoryDisk;
use crate::windows::{connections, open, options, origin, read_all};
use databus::{CheckedWindow, Log, Window};
use std::{collections::BTreeMap, sync::Arc, thread};

const WINDOWS: u64 = 100;

fn window(source: usize, source_offset: u64) -> Window {
    Window {
        source_id: format!("source {source}"),
        ..connections(source_offset, 3)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_window_of_many_callers_stands_once_and_in_its_sources_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), origin(), options(20_000)).unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|source| tokio::spawn(append_all(log.clone(), source)))
        .collect();
    let threads: Vec<_> = (16..20)
        .map(|source| {
            let log = log.clone();
            let append = move |offset| {
                log.append_blocking(window(source, offset))
                    .unwrap()
                    .scn
                    .get()
            };
            thread::spawn(move || (1..=WINDOWS).map(append).collect::<Vec<_>>())
        })
        .collect();
    let mut answered = BTreeMap::new();
    for (source, task) in tasks.into_iter().enumerate() {
        answered.insert(source, task.await.unwrap());
    }
    for (source, thread) in (16..).zip(threads) {
        answered.insert(source, thread.join().unwrap());
    }
    let windows = read_all(&log);
    assert_eq!(windows.len() as u64, 20 * WINDOWS);
    for (source, scns) in answered {
        assert!(scns.is_sorted());
        for (offset, scn) in (1..).zip(scns) {
            assert_eq!(windows[scn as usize - 1], window(source, offset));
        }
    }
}

async fn append_all(log: Log, source: usize) -> Vec<u64> {
    let mut scns = Vec::new();
    for offset in 1..=WINDOWS {
        scns.push(log.append(window(source, offset)).await.unwrap().scn.get());
    }
    scns
}

#[tokio::test]
async fn windows_that_wait_together_share_a_sync() {
    let disk = Arc::new(MemoryDisk::default());
    let log = open(&disk, 1 << 20);
    let before = disk.syncs();
    let pipeline = log.pipeline();
    let held = disk.hold();
    let waiting = queue_all(&log, &pipeline);
    // The tasks queue their windows while the disk is held.
    for _ in 0..WINDOWS {
        tokio::task::yield_now().await;
    }
    drop(held);
    for (scn, answer) in (1..).zip(waiting) {
        assert_eq!(answer.await.unwrap().unwrap().scn.get(), scn);
    }
    let syncs = disk.syncs() - before;
    assert!(syncs <= 3, "{syncs} syncs for {WINDOWS} windows");
}

/// Queues all windows, on tasks of this thread. They are queued in order, when the thread yields.
fn queue_all(
    log: &Log,
    pipeline: &databus::Pipeline,
) -> Vec<tokio::task::JoinHandle<Result<databus::Appended, databus::AppendError>>> {
    let append = |offset| {
        let (pipeline, limits) = (pipeline.clone(), log.window_limits());
        let checked = CheckedWindow::new(connections(offset, 1), limits).unwrap();
        tokio::spawn(async move { pipeline.append(checked).await })
    };
    (1..=WINDOWS).map(append).collect()
}
