//! Compactions and snapshots of a running server: the files that they leave, and unchanged answers.

use crate::small_site::{CONNECTIONS, MEMBERS, SmallSite};
use crate::until::{until, until_true};
use cloud_client::proto::cloud::v1::Profile;
use cloud_client::proto::databus::v1::{
    AsOf, Change, Member, MemberRemoved, MemberUpserted, change,
};
use cloud_client::{
    ConnectionOrder, Degree, DegreesOptions, Page, SearchOptions, Window, connection_added,
    connection_removed,
};
use graph_server::Limits;
use std::{fs, path::Path, time::Duration};

/// Returns limits under which a compaction begins after any change.
fn always() -> Limits {
    Limits {
        compaction_bytes_min: 0,
        compaction_percent: 0,
        ..Limits::DEFAULT
    }
}

pub(crate) fn upserted(member_id: u64, headline: &str) -> Change {
    let member = Member {
        member_id,
        headline: headline.into(),
        ..Default::default()
    };
    Change {
        skippable: false,
        event: Some(change::Event::MemberUpserted(MemberUpserted {
            existing_only: false,
            member: Some(member),
            fields: None,
        })),
    }
}

pub(crate) fn removed(member_id: u64) -> Change {
    Change {
        skippable: false,
        event: Some(change::Event::MemberRemoved(MemberRemoved { member_id })),
    }
}

impl SmallSite {
    pub(crate) async fn publish(&self, changes: impl IntoIterator<Item = Change>) -> AsOf {
        let published = self.admin.publish(Window::of(changes)).await;
        published.unwrap().as_of
    }

    /// Takes a snapshot at this point or later.
    pub(crate) async fn snapshot(&self, at_least: &AsOf) -> AsOf {
        let taken = self
            .admin
            .take_snapshot(Some(at_least.clone().into()))
            .await;
        taken.unwrap().as_of.unwrap()
    }

    /// Returns the answers to all requests about all members, as of this point.
    pub(crate) async fn everything(&self, at_least: &AsOf) -> String {
        let client = self.client.at_least(at_least.clone());
        let everybody: Vec<u64> = (1..=12).collect();
        let mut told = String::new();
        for &viewer in &everybody {
            let options = DegreesOptions {
                shared_count: true,
                path: true,
                ..DegreesOptions::default()
            };
            let degrees = client.degrees(viewer, &everybody, options).await;
            let degrees = degrees.map(|answer| answer.degrees);
            told += &format!("{viewer}: {degrees:?}\n");
            let page = Page::default();
            let connections = client.connections(viewer, ConnectionOrder::Recent, page);
            let connections = connections.await.map(|answer| answer.connections);
            told += &format!("{:?}\n", connections.ok());
        }
        let profiles = client.profiles(&everybody).await.unwrap();
        told += &format!("{:?}\n", profiles.results);
        let found = client.search(
            1,
            "headline:acme OR headline:changed",
            SearchOptions::default(),
        );
        let found = found.await.unwrap();
        told + &format!("{} {:?}\n", found.total, found.hits)
    }

    fn snapshots(&self) -> Vec<String> {
        names(&self.folder.path().join("snapshot"))
            .into_iter()
            .filter(|name| name.len() == 20)
            .collect()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn name(as_of: &AsOf) -> String {
    format!("{:020}", as_of.scn)
}

#[tokio::test]
async fn a_snapshot_is_taken_when_it_is_asked_for_and_a_start_goes_on_from_it() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let nothing = site.admin.take_snapshot(None).await.unwrap();
    assert_eq!(nothing.as_of.unwrap().scn, 0, "nothing has changed");
    site.publish([
        upserted(2, "changed"),
        upserted(9, "changed"),
        connection_added(9, 7),
    ])
    .await;
    let before = site.publish([removed(6), connection_removed(4, 5)]).await;
    let told = site.everything(&before).await;
    let at_least = Some(before.clone().into());
    let taken = site.admin.take_snapshot(at_least).await.unwrap();
    assert_eq!(taken.as_of, Some(before.clone()));
    let snapshot = taken.snapshot.unwrap();
    assert_eq!(
        (snapshot.members, snapshot.connections),
        (MEMBERS, CONNECTIONS.len() as u64 - 2)
    );
    assert_eq!(site.everything(&before).await, told);
    assert_eq!(site.snapshot(&before).await, before);
    let status = site.admin.status().await.unwrap();
    let compaction = status.compaction.unwrap();
    assert_eq!((compaction.completed, compaction.failed), (1, 0));
    assert_eq!(status.snapshot, Some(snapshot));
    assert_eq!(status.overlay.unwrap().entries, 0);
    assert_eq!(site.snapshots(), [name(&AsOf::default()), name(&before)]);
    let file = site.folder.path().join("snapshot").join(name(&before));
    assert!(names(&file).contains(&"profiles.redb".to_owned()));

    // Changes on top, before and after the restart. Members who come back have no profiles, and
    // their old nodes.
    let after = site
        .publish([
            connection_added(6, 9),
            upserted(3, "changed"),
            connection_added(10, 1),
        ])
        .await;
    let told = site.everything(&after).await;
    let site = site.restart(Limits::DEFAULT).await;
    assert_eq!(site.everything(&after).await, told);
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.snapshot.unwrap().scn, before.scn);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn profiles_are_restored_from_the_snapshot_when_the_live_ones_are_gone() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let first = site
        .publish([upserted(2, "changed"), removed(3), upserted(11, "changed")])
        .await;
    site.snapshot(&first).await;
    let last = site.publish([upserted(4, "changed"), removed(11)]).await;
    let told = site.everything(&last).await;
    drop((site.client, site.admin));
    site.running.shutdown().await.unwrap();
    let live = site.folder.path().join("snapshot/live");
    fs::remove_dir_all(&live).unwrap();
    let site = SmallSite::on(site.folder, Limits::DEFAULT).await;
    assert_eq!(site.everything(&last).await, told);

    // The result is the same if only the index is missing, or cannot be used.
    drop((site.client, site.admin));
    site.running.shutdown().await.unwrap();
    fs::remove_dir_all(live.join("search")).unwrap();
    let site = SmallSite::on(site.folder, Limits::DEFAULT).await;
    assert_eq!(site.everything(&last).await, told);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    for file in ["graph.csr", "manifest.json"] {
        let site = SmallSite::start(Limits::DEFAULT).await;
        let first = site.publish([connection_added(7, 9), removed(2)]).await;
        let taken = site.snapshot(&first).await;
        let last = site.publish([connection_added(2, 9)]).await;
        let told = site.everything(&last).await;
        drop((site.client, site.admin));
        site.running.shutdown().await.unwrap();
        let newest = site.folder.path().join("snapshot").join(name(&taken));
        let path = newest.join(file);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 16;
        fs::write(&path, bytes).unwrap();
        let site = SmallSite::on(site.folder, Limits::DEFAULT).await;
        assert_eq!(site.admin.status().await.unwrap().snapshot.unwrap().scn, 0);
        assert_eq!(site.everything(&last).await, told);
        // The next snapshot replaces the damaged one if it is at the same SCN; otherwise it is
        // added.
        assert_eq!(site.snapshot(&last).await, last);
        assert_eq!(site.everything(&last).await, told);
        site.running.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn the_last_ones_are_kept() {
    let limits = Limits {
        snapshots_kept: 2,
        ..Limits::DEFAULT
    };
    let site = SmallSite::start(limits.clone()).await;
    let mut taken = Vec::new();
    for other in 1..5 {
        let published = site.publish([connection_added(8, other)]).await;
        taken.push(name(&site.snapshot(&published).await));
    }
    // Older snapshots are removed after the answer.
    let kept = &taken[2..];
    until_true("older snapshots are removed", async || {
        site.snapshots() == kept
    })
    .await;
    let last = site.publish([connection_added(8, 5)]).await;
    // The folder from which profiles and index were opened is removed.
    let told = site.everything(&last).await;
    let site = site.restart(limits).await;
    assert_eq!(site.everything(&last).await, told);
    let folder = site.folder.path().join("snapshot");
    let is_overlay = |name: &String| name.starts_with("overlay-");
    assert_eq!(
        names(&folder)
            .iter()
            .filter(|name| is_overlay(name))
            .count(),
        1
    );
    let published = site.publish([connection_added(8, 6)]).await;
    site.snapshot(&published).await;
    until_true("the overlay is removed", async || {
        !names(&folder).iter().any(is_overlay)
    })
    .await;
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_over_the_overlays_budget_waits_and_goes_on() {
    // The limit is below the size of an overlay with one entry: every window waits until the one
    // before it is compacted.
    let limits = Limits {
        overlay_bytes_max: 1,
        ..Limits::DEFAULT
    };
    let site = SmallSite::start(limits.clone()).await;
    let mut last = AsOf::default();
    for member in 20..30 {
        last = site
            .publish([connection_added(8, member), upserted(member, "changed")])
            .await;
    }
    let client = site.client.at_least(last.clone());
    let degrees = client
        .degrees(8, &[20, 29], DegreesOptions::default())
        .await;
    let degrees: Vec<_> = degrees
        .unwrap()
        .degrees
        .iter()
        .map(|degree| degree.degree())
        .collect();
    assert_eq!(degrees, [Degree::First, Degree::First]);
    let compaction = site.admin.status().await.unwrap().compaction.unwrap();
    assert!(compaction.completed >= 8, "{compaction:?}");
    let site = site.restart(limits).await;
    let client = site.client.at_least(last);
    let profiles = client.profiles(&[29]).await.unwrap().results;
    let headline = |profile: Option<&Profile>| profile.unwrap().headline.clone();
    assert_eq!(headline(profiles[0].profile.as_ref()), "changed");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_failed_compaction_is_told_and_tried_again() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let last = site.publish([connection_added(8, 1)]).await;
    // A file of the snapshot that is missing cannot be linked.
    let base = site
        .folder
        .path()
        .join("snapshot")
        .join(name(&AsOf::default()));
    let (there, away) = (base.join("profiles.bin"), base.join("away"));
    fs::rename(&there, &away).unwrap();
    let at_least = Some(last.clone().into());
    let refused = site.admin.take_snapshot(at_least).await.unwrap_err();
    let failure = refused.failure().unwrap();
    assert_eq!(failure.reason, "NO_SNAPSHOT");
    assert!(refused.to_string().contains("profiles.bin"), "{refused}");
    let compaction = site.admin.status().await.unwrap().compaction.unwrap();
    assert_eq!((compaction.completed, compaction.failed), (0, 1));
    assert!(compaction.last_failure.contains("profiles.bin"));
    assert_eq!(site.snapshots().len(), 1);
    fs::rename(&away, &there).unwrap();
    let patient = site.admin.timeout(Duration::from_secs(30));
    let taken = patient.take_snapshot(Some(last.clone().into())).await;
    assert_eq!(taken.unwrap().as_of, Some(last));
    let compaction = site.admin.status().await.unwrap().compaction.unwrap();
    assert_eq!(compaction.last_failure, "");
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_waits_for_room_says_why_and_goes_on_by_itself() {
    let limits = Limits {
        overlay_bytes_max: 1,
        ..Limits::DEFAULT
    };
    let site = SmallSite::start(limits).await;
    let snapshot = site.folder.path().join("snapshot");
    let base = snapshot.join(name(&AsOf::default()));
    let (there, away) = (base.join("profiles.bin"), base.join("away"));
    fs::rename(&there, &away).unwrap();
    site.publish([connection_added(8, 1)]).await;
    let last = site.publish([connection_added(8, 2)]).await;
    let reason = async || {
        let status = site.admin.status().await.unwrap();
        status.graph_lag.unwrap_or_default().reason
    };
    let said = until("a compaction fails", async || {
        Some(reason().await).filter(|reason| reason.contains("profiles.bin"))
    })
    .await;
    assert!(
        said.contains("waits for a compaction, which failed"),
        "{said}"
    );
    // Reads continue meanwhile, as of the current state.
    let degrees = site
        .client
        .degrees(8, &[2], DegreesOptions::default())
        .await;
    assert_eq!(degrees.unwrap().degrees[0].degree(), Degree::Second);
    fs::rename(&away, &there).unwrap();
    until_true("the graph goes on", async || reason().await.is_empty()).await;
    let client = site.client.at_least(last);
    let degrees = client.degrees(8, &[2], DegreesOptions::default()).await;
    assert_eq!(degrees.unwrap().degrees[0].degree(), Degree::First);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn snapshots_are_taken_now_and_then() {
    let limits = Limits {
        snapshot_interval_ms: 1,
        ..Limits::DEFAULT
    };
    let site = SmallSite::start(limits).await;
    let last = site.publish([connection_added(8, 1)]).await;
    let scn = async || site.admin.status().await.unwrap().snapshot.unwrap().scn;
    until_true("a snapshot is taken", async || scn().await == last.scn).await;
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_during_a_compaction_leaves_what_it_had() {
    let site = SmallSite::start(always()).await;
    let mut last = AsOf::default();
    for round in 0..40 {
        let member = 20 + round % 7;
        last = site
            .publish([connection_added(8, member), removed(20 + round % 3)])
            .await;
    }
    let told = site.everything(&last).await;
    let site = site.restart(always()).await;
    assert_eq!(site.everything(&last).await, told);
    let folder = site.folder.path().join("snapshot");
    site.running.shutdown().await.unwrap();
    let left = names(&folder);
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
}
