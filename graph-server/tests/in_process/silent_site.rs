//! A site that serves its graph only, from a silent snapshot.
//!
//! It answers as a site with empty profiles does, through changes, compactions and restarts.

use crate::{
    compaction::{name, removed, upserted},
    small_site::{MEMBERS, SmallSite, write_silent_snapshot, write_snapshot_of},
};
use cloud_client::{
    Degree, SearchOptions, connection_removed,
    proto::databus::v1::{
        AsOf, Change, ConnectionAdded, Position, PositionKind, PositionRemoved, PositionUpserted,
        change,
    },
};
use cloud_profile::empty_profile;
use graph_server::Limits;
use prost_types::Timestamp;
use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

fn position(member_id: u64) -> Change {
    let position = Some(Position {
        position_id: 5,
        kind: PositionKind::Work.into(),
        title: "changed".into(),
        ..Default::default()
    });
    Change {
        skippable: false,
        event: Some(change::Event::PositionUpserted(PositionUpserted {
            existing_only: false,
            member_id,
            position,
            fields: None,
        })),
    }
}

fn position_removed(member_id: u64) -> Change {
    Change {
        skippable: false,
        event: Some(change::Event::PositionRemoved(PositionRemoved {
            member_id,
            position_id: 5,
        })),
    }
}

/// Adds a connection with a time that is the same on every site.
fn connected(member_id: u64, other_id: u64) -> Change {
    let connected_at = Some(Timestamp {
        seconds: 7,
        nanos: 0,
    });
    Change {
        skippable: false,
        event: Some(change::Event::ConnectionAdded(ConnectionAdded {
            existing_only: false,
            member_id,
            other_id,
            connected_at,
        })),
    }
}

impl SmallSite {
    /// Returns all answers, including searches that match all members, some, and none.
    async fn told(&self, at_least: &AsOf) -> String {
        let mut told = self.everything(at_least).await;
        let client = self.client.at_least(at_least.clone());
        for query in [
            "",
            "-changed",
            "changed",
            "headline:changed OR title:changed",
            "nobody",
        ] {
            for degrees in [
                vec![],
                vec![Degree::First],
                vec![Degree::Third, Degree::OutOfNetwork],
            ] {
                let options = SearchOptions {
                    degrees,
                    ..SearchOptions::default()
                };
                let found = client.search(1, query, options).await.unwrap();
                told += &format!("{query}: {} {:?}\n", found.total, found.hits);
            }
        }
        told
    }

    /// Returns the inode number of the profiles file in the snapshot at `at`.
    fn profiles_file(&self, at: &AsOf) -> u64 {
        let snapshot = self.folder.path().join("snapshot").join(name(at));
        fs::metadata(snapshot.join("profiles.bin")).unwrap().ino()
    }
}

/// Returns the answers of a site on this snapshot, after each step of the same history.
async fn life(write: fn(&Path)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("snapshot"));
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    let beginning = site.admin.status().await.unwrap().log_head.unwrap();
    let profiles_file = site.profiles_file(&beginning);
    let mut told = vec![site.told(&beginning).await];
    let first = [
        upserted(2, "changed"),
        upserted(9, "changed"),
        connected(9, 7),
        connected(10, 1),
        position(3),
        position_removed(4),
        removed(6),
    ];
    let first = site.publish(first).await;
    told.push(site.told(&first).await);
    assert_eq!(site.snapshot(&first).await, first);
    told.push(site.told(&first).await);
    let second = [
        connection_removed(4, 5),
        position(5),
        connected(6, 1),
        upserted(10, "changed"),
    ];
    let second = site.publish(second).await;
    told.push(site.told(&second).await);

    // Restarts from the server's own snapshot, with its copy of the changes since the first one.
    let folder = site.stop().await;
    fs::remove_dir_all(folder.path().join("snapshot/live")).unwrap();
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.snapshot.unwrap().scn, first.scn);
    told.push(site.told(&second).await);
    let third = site
        .publish([position(8), removed(9), upserted(11, "changed")])
        .await;
    site.snapshot(&third).await;
    told.push(site.told(&third).await);
    let site = site.restart(Limits::DEFAULT).await;
    told.push(site.told(&third).await);

    assert_eq!(site.profiles_file(&third), profiles_file, "it is linked");
    site.running.shutdown().await.unwrap();
    told
}

#[tokio::test]
async fn it_answers_as_a_site_with_empty_profiles() {
    let silent = life(write_silent_snapshot).await;
    let empty = life(|site| write_snapshot_of(site, empty_profile)).await;
    for (step, (silent, empty)) in silent.iter().zip(&empty).enumerate() {
        for (silent, empty) in silent.lines().zip(empty.lines()) {
            assert_eq!(silent, empty, "step {step}");
        }
        assert_eq!(silent.len(), empty.len(), "step {step}");
    }
    assert_eq!(silent.len(), 7);
    let everybody = MEMBERS - 1;
    assert!(
        silent[0].contains(&format!("\n: {everybody} [")),
        "{}",
        silent[0]
    );
}
