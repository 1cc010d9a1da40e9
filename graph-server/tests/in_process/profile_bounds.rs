//! Changes of profiles that have no effect, because of a bound or another key: they are counted,
//! and the same after a replay.

use crate::{small_site::SmallSite, transport::get};
use cloud_client::{
    Window,
    proto::{
        cloud::v1::{KeyConflictStatus, Profile},
        databus::v1::{AsOf, Change, Member, MemberUpserted, Position, PositionUpserted, change},
    },
};
use cloud_profile::limits::{CHANGE_BYTES_MAX, POSITIONS_MAX, SKILLS_MAX};
use graph_server::Limits;
use prost_types::FieldMask;
use std::fs;
use tonic::Code;

/// The new positions of member 1, who has one already.
const NEW: u64 = POSITIONS_MAX as u64 + 4;

fn position(position_id: u64, title: &str) -> Change {
    let position = Position {
        position_id,
        title: title.to_owned(),
        ..Position::default()
    };
    Change {
        event: Some(change::Event::PositionUpserted(PositionUpserted {
            member_id: 1,
            position: Some(position),
            ..Default::default()
        })),
        ..Default::default()
    }
}

/// States a member with skills of this many bytes in all.
fn skilled(member_id: u64, bytes: usize) -> Change {
    let skill =
        |number: usize| "s".repeat(bytes / SKILLS_MAX + usize::from(number < bytes % SKILLS_MAX));
    let member = Member {
        member_id,
        skills: (0..SKILLS_MAX).map(skill).collect(),
        ..Member::default()
    };
    Change {
        event: Some(change::Event::MemberUpserted(MemberUpserted {
            member: Some(member),
            ..Default::default()
        })),
        ..Default::default()
    }
}

async fn profile(site: &SmallSite, as_of: &AsOf) -> Profile {
    let client = site.client.at_least(as_of.clone());
    let mut results = client.profiles(&[1]).await.unwrap().results;
    results.pop().unwrap().profile.unwrap()
}

async fn check_counts(site: &SmallSite, positions: usize) {
    let page = get(site.running.admin_addr(), "/metrics").await;
    for (bound, count) in [("positions", positions), ("attributes", 0), ("bytes", 0)] {
        let name = "cloud_profile_changes_over_bounds_total";
        let line = format!("{name}{{bound=\"{bound}\"}} {count}\n");
        assert!(page.contains(&line), "{line} in {page}");
    }
}

#[tokio::test]
async fn positions_over_the_bound_are_counted_and_not_kept_also_at_replay() {
    let site = SmallSite::start(Limits::default()).await;
    let changes = (2..2 + NEW).map(|id| position(id, "new"));
    let added = site.admin.publish(Window::of(changes)).await.unwrap();
    let changed = position(2, "changed");
    let changed = site.admin.publish(Window::of([changed])).await.unwrap();
    assert!(changed.as_of.scn > added.as_of.scn);
    let live = profile(&site, &changed.as_of).await;
    let mut ids: Vec<_> = live
        .positions
        .iter()
        .map(|position| position.position_id)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=POSITIONS_MAX as u64).collect::<Vec<_>>());
    let second = live
        .positions
        .iter()
        .find(|position| position.position_id == 2);
    assert_eq!(second.unwrap().title, "changed");
    check_counts(&site, 5).await;

    // The same after a restart on the live stores, and after a replay of the whole log.
    let site = site.restart(Limits::default()).await;
    assert_eq!(profile(&site, &changed.as_of).await, live);
    let folder = site.stop().await;
    fs::remove_dir_all(folder.path().join("snapshot/live")).unwrap();
    let site = SmallSite::on(folder, Limits::default()).await;
    assert_eq!(profile(&site, &changed.as_of).await, live);
    check_counts(&site, 5).await;
    site.running.shutdown().await.unwrap();
}

/// States a member's key and headline.
fn keyed(member_id: u64, key: &str, headline: &str) -> Change {
    let member = Member {
        member_id,
        key: key.to_owned(),
        headline: headline.to_owned(),
        ..Member::default()
    };
    let paths = ["key", "headline"].map(str::to_owned).into();
    Change {
        event: Some(change::Event::MemberUpserted(MemberUpserted {
            member: Some(member),
            fields: Some(FieldMask { paths }),
            existing_only: false,
        })),
        ..Default::default()
    }
}

/// Checks the number of key conflicts, and the last one, in metrics and status.
async fn check_key_conflicts(site: &SmallSite, changes: u64) {
    let page = get(site.running.admin_addr(), "/metrics").await;
    let line = format!("cloud_profile_key_conflicts_total {changes}\n");
    assert!(page.contains(&line), "{line} in {page}");
    let expected = (changes > 0).then(|| KeyConflictStatus {
        changes,
        member_id: 1,
        kept_key: "one".to_owned(),
        stated_key: "three".to_owned(),
    });
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.key_conflicts, expected);
}

#[tokio::test]
async fn an_upsert_with_another_key_is_counted_and_not_kept_also_at_replay() {
    let site = SmallSite::start(Limits::default()).await;
    check_key_conflicts(&site, 0).await;
    let first = Window::of([keyed(1, "one", "first")]);
    site.admin.publish(first).await.unwrap();
    let others = [
        keyed(1, "two", "second"),
        keyed(2, "a key of its own", "kept"),
        keyed(1, "three", "third"),
    ];
    let as_of = site.admin.publish(Window::of(others)).await.unwrap().as_of;
    let live = profile(&site, &as_of).await;
    assert_eq!((&*live.key, &*live.headline), ("one", "first"));
    check_key_conflicts(&site, 2).await;

    // After a restart on the live stores, nothing is replayed, and nothing counted.
    let site = site.restart(Limits::default()).await;
    assert_eq!(profile(&site, &as_of).await, live);
    check_key_conflicts(&site, 0).await;
    // After a replay of the whole log.
    let folder = site.stop().await;
    fs::remove_dir_all(folder.path().join("snapshot/live")).unwrap();
    let site = SmallSite::on(folder, Limits::default()).await;
    assert_eq!(profile(&site, &as_of).await, live);
    check_key_conflicts(&site, 2).await;
    // On the snapshot of a compaction, which keeps the key: another one has no effect there either.
    site.admin.take_snapshot(None).await.unwrap();
    let folder = site.stop().await;
    fs::remove_dir_all(folder.path().join("snapshot/live")).unwrap();
    let site = SmallSite::on(folder, Limits::default()).await;
    assert_eq!(profile(&site, &as_of).await, live);
    let later = Window::of([keyed(1, "three", "third")]);
    let later = site.admin.publish(later).await.unwrap().as_of;
    assert_eq!(profile(&site, &later).await, live);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_change_has_a_bounded_size() {
    let site = SmallSite::start(Limits::default()).await;
    // A tag and a length of two bytes for each skill; and the id, tags and lengths of the change.
    let most = CHANGE_BYTES_MAX - 3 * SKILLS_MAX - 10;
    let published = site.admin.publish(Window::of([skilled(1, most)])).await;
    let as_of = published.unwrap().as_of;
    assert_eq!(profile(&site, &as_of).await.skills.concat().len(), most);
    let refused = site
        .admin
        .publish(Window::of([skilled(1, most + 10)]))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = &refused.failure().unwrap().fields;
    assert_eq!(fields[0].field, "part.changes[0].member_upserted.member");
    let limit = format!("more than {}", CHANGE_BYTES_MAX - 8);
    assert!(fields[0].description.ends_with(&limit), "{fields:?}");
    site.running.shutdown().await.unwrap();
}
