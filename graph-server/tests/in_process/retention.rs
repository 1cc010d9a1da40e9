//! A server with a log of its own deletes old segments, and keeps those that its snapshot needs.

use crate::until::until_true;
use crate::{relay_site::copy, small_site::SmallSite};
use cloud_client::{SearchOptions, Window, connection_added, connection_removed};
use cloud_engine::{Manifest, StandsAt, newest_snapshots, snapshot_name};
use cloud_model::Scn;
use graph_server::Limits;
use std::{fs, path::Path};

const SNAPSHOT_SCN: u64 = 5;

/// Returns a window that fills a segment of its own.
fn large_window() -> Window {
    Window::of((0..1_000).map(|other| connection_added(1, other + 100)))
}

/// Sets the SCN of the newest snapshot to [`SNAPSHOT_SCN`], and removes the files that are further.
fn move_snapshot(site: &Path, log_id: &str) {
    let folder = site.join("snapshot");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("overlay-") {
            fs::remove_file(path).unwrap();
        } else if name == "live" {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let newest = newest_snapshots(&folder).unwrap().remove(0);
    let scn = Scn::new(SNAPSHOT_SCN);
    let log_id = log_id.parse().unwrap();
    let manifest = Manifest {
        scn,
        stands_at: StandsAt::AtScn {
            log_id,
            scn,
            history: None,
        },
        ..Manifest::read(&newest).unwrap()
    };
    manifest.write(&newest).unwrap();
    fs::rename(newest, folder.join(snapshot_name(0, scn))).unwrap();
}

#[tokio::test]
async fn the_log_keeps_what_the_snapshot_goes_on_from() {
    let limits = Limits {
        log_segment_bytes: 4 << 10,
        log_bytes_max: 1,
        ..Limits::default()
    };
    let site = SmallSite::start(limits.clone()).await;
    for _ in 0..8 {
        site.admin.publish(large_window()).await.unwrap();
    }
    // The snapshot is at the beginning: every segment is needed.
    let status = site.log.log_status().await.unwrap();
    assert_eq!((status.oldest_after_scn, status.segments), (0, 8));
    let folder = site.stop().await;
    move_snapshot(folder.path(), &status.head.unwrap().log_id);
    // This runs twice, because a start must not need the deleted segments.
    let mut folder = folder;
    for head in [9, 10] {
        let site = SmallSite::on(folder, limits.clone()).await;
        let made = site.admin.publish(large_window()).await.unwrap();
        assert_eq!(made.as_of.scn, head);
        // Segments are deleted one after the other, and none above the snapshot.
        until_true("the log begins at the snapshot", async || {
            let oldest = site.log.log_status().await.unwrap().oldest_after_scn;
            assert!(oldest <= SNAPSHOT_SCN);
            oldest == SNAPSHOT_SCN
        })
        .await;
        let client = site.client.at_least(made.as_of);
        assert_eq!(client.network_sizes(1, false).await.unwrap().first, 1_002);
        folder = site.stop().await;
    }
}

/// Returns a window of connections that are added and removed between existing members. It holds no
/// change of profiles.
fn window_without_profiles(number: u64) -> Window {
    let change = match number % 2 {
        0 => connection_added,
        _ => connection_removed,
    };
    Window::of((0..1_000).map(|other| change(8, other % 7 + 1)))
}

#[tokio::test]
async fn a_start_asks_for_nothing_that_its_snapshot_holds() {
    let limits = Limits {
        log_segment_bytes: 4 << 10,
        log_bytes_max: 1,
        snapshots_kept: 1,
        ..Limits::default()
    };
    let site = SmallSite::start(limits.clone()).await;
    for round in 0..3 {
        for number in 0..4 {
            let window = window_without_profiles(number + round);
            site.admin.publish(window).await.unwrap();
        }
        site.admin.take_snapshot(None).await.unwrap();
    }
    until_true("the log begins at SCN 11", async || {
        site.log.log_status().await.unwrap().oldest_after_scn >= 11
    })
    .await;
    // This is the state after a kill: the live profiles were last written when the server started.
    let killed = tempfile::tempdir().unwrap();
    copy(site.folder.path(), killed.path());
    site.stop().await;
    let site = SmallSite::on(killed, limits).await;
    let found = site.client.search(8, "", SearchOptions::default()).await;
    assert_eq!(found.unwrap().total, 7);
    site.stop().await;
}
