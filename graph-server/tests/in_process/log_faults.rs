//! Faults in the log that a server follows: each has a typed outcome, and nothing wrong is applied.

use crate::fake_relay::{FakeRelay, Sent};
use crate::relay_site::{Follower, RelaySite};
use crate::transport::get;
use crate::until::{until, until_true};
use cloud_client::proto::databus::v1::{Change, WindowPart};
use cloud_client::{Degree, DegreesOptions, connection_added};
use cloud_engine::{Manifest, StandsAt, snapshot_name};
use cloud_model::Scn;
use graph_server::{Limits, LogSourceError, StartError};
use std::fs;

const LOG: &str = "00112233445566778899aabbccddeeff";
const OTHER: &str = "ffeeddccbbaa99887766554433221100";

/// Returns a part of window `scn`. Each part connects member 1 with member 100 + `scn`.
fn sent((scn, part, last, previous_scn): (u64, u32, bool, u64)) -> Sent {
    let part = WindowPart {
        scn,
        part,
        last,
        changes: vec![connection_added(1, 100 + scn)],
        ..Default::default()
    };
    (part, previous_scn)
}

/// Returns the SCN of the graph, and the windows up to 9 whose connection it has.
async fn state(follower: &Follower) -> (u64, Vec<u64>) {
    let members: Vec<_> = (101..110).collect();
    let answer = follower
        .client
        .degrees(1, &members, DegreesOptions::default())
        .await
        .unwrap();
    let connected = answer
        .degrees
        .iter()
        .filter(|member| member.degree() == Degree::First);
    (
        answer.as_of.unwrap().scn,
        connected.map(|member| member.member_id - 100).collect(),
    )
}

/// Checks the effect of parts (SCN, number, last, SCN before the window) from a relay. `reached` is
/// the last window that is applied, and `why` the reason that no other is. Correct parts that the
/// relay sends afterwards are applied.
async fn check(parts: &[(u64, u32, bool, u64)], reached: u64, why: &str) {
    let site = RelaySite::new();
    let (relay, address) = FakeRelay::start(LOG, &site.lineage(), 0).await;
    relay.sends(parts.iter().copied().map(sent).collect());
    let follower = site.follower("one", address).await;
    follower.lags_because(why).await;
    let applied: Vec<_> = (1..=reached).collect();
    assert_eq!(state(&follower).await, (reached, applied.clone()));
    // The open subscription receives nothing more. A server that starts again opens another one.
    follower.stop().await.unwrap();
    relay.ends_at(reached);
    relay.sends_everybody(vec![sent((9, 0, true, reached))]);
    let follower = site.follower("one", address).await;
    until_true("window 9 is applied", async || {
        state(&follower).await.0 >= 9
    })
    .await;
    assert_eq!(state(&follower).await, (9, [&applied[..], &[9]].concat()));
    follower.stop().await.unwrap();
}

#[tokio::test]
async fn a_window_that_is_missing_is_not_passed_over() {
    let parts = [(1, 0, true, 0), (3, 0, true, 2)];
    check(
        &parts,
        1,
        "window 3 comes after window 2, and 1 was the last",
    )
    .await;
}

#[tokio::test]
async fn a_window_that_comes_twice_is_applied_once() {
    let parts = [(1, 0, true, 0), (2, 0, true, 1), (2, 0, true, 2)];
    check(&parts, 2, "window 2 came after window 2").await;
}

#[tokio::test]
async fn windows_in_another_order_are_not_applied() {
    let parts = [(1, 0, true, 0), (3, 0, true, 1), (2, 0, true, 3)];
    // SCNs may have gaps, so 3 after 1 is correct in itself.
    let site = RelaySite::new();
    let (relay, address) = FakeRelay::start(LOG, &site.lineage(), 0).await;
    relay.sends(parts.into_iter().map(sent).collect());
    let follower = site.follower("one", address).await;
    follower.lags_because("window 2 came after window 3").await;
    assert_eq!(state(&follower).await, (3, vec![1, 3]));
    follower.stop().await.unwrap();
}

#[tokio::test]
async fn a_window_without_all_its_parts_is_not_applied() {
    let parts = [(1, 0, true, 0), (2, 0, false, 1), (2, 2, true, 1)];
    check(&parts, 1, "part 2 of window 2, and part 1").await;
    let parts = [(1, 0, true, 0), (2, 0, false, 1), (3, 0, true, 2)];
    check(&parts, 1, "window 3 comes after window 2").await;
    // The relay breaks off in the middle of a window.
    let parts = [(1, 0, true, 0), (2, 0, false, 1)];
    check(&parts, 1, "it ended the subscription").await;
}

#[tokio::test]
async fn a_repeat_of_a_sources_window_says_nothing() {
    let site = RelaySite::new();
    let (relay, address) = FakeRelay::start(LOG, &site.lineage(), 0).await;
    let of_source = |scn, offset| {
        let (part, previous_scn) = sent((scn, 0, true, scn - 1));
        let part = WindowPart {
            source_id: "core".to_owned(),
            source_offset: offset,
            ..part
        };
        (part, previous_scn)
    };
    relay.sends(vec![
        of_source(1, 70),
        of_source(2, 70),
        of_source(3, 69),
        of_source(4, 71),
    ]);
    let follower = site.follower("one", address).await;
    until_true("window 4 is applied", async || {
        state(&follower).await.0 >= 4
    })
    .await;
    assert_eq!(state(&follower).await, (4, vec![1, 4]));
    let sources = follower.log.log_status().await.unwrap().sources;
    assert_eq!((sources[0].last_offset, sources[0].scn), (71, 4));
    follower.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_of_a_later_version_stops_the_server_before_half_a_window() {
    let site = RelaySite::new();
    let (relay, address) = FakeRelay::start(LOG, &site.lineage(), 0).await;
    let (mut part, previous_scn) = sent((2, 0, true, 1));
    part.changes.push(Change {
        skippable: false,
        event: None,
    });
    relay.sends(vec![sent((1, 0, true, 0)), (part, previous_scn)]);
    let follower = site.follower("one", address).await;
    let admin = follower.running.admin_addr();
    let said = until("/readyz says 503", async || {
        let answer = get(admin, "/readyz").await;
        answer.starts_with("HTTP/1.1 503 ").then_some(answer)
    })
    .await;
    assert!(
        said.contains("window 2") && said.contains("a newer one"),
        "{said}"
    );
    assert_eq!(state(&follower).await, (1, vec![1]));
    follower.stop().await.unwrap_err();
}

/// Returns why a server does not start on a snapshot and a relay with this log. The snapshot is at
/// SCN 5 of [`LOG`], or at the beginning.
async fn refused(at_scn: bool, log_id: &str, lineage_id: Option<&str>, head: u64) -> StartError {
    let site = RelaySite::new();
    if at_scn {
        let folder = site.folder.path().join("snapshot");
        let newest = cloud_engine::newest_snapshots(&folder).unwrap().remove(0);
        let scn = Scn::new(5);
        let manifest = Manifest {
            scn,
            stands_at: StandsAt::AtScn {
                log_id: LOG.parse().unwrap(),
                scn,
                history: None,
            },
            ..Manifest::read(&newest).unwrap()
        };
        manifest.write(&newest).unwrap();
        fs::rename(newest, folder.join(snapshot_name(0, scn))).unwrap();
    }
    let lineage = lineage_id.map_or_else(|| site.lineage(), str::to_owned);
    let (_relay, address) = FakeRelay::start(log_id, &lineage, head).await;
    let started = graph_server::serve(site.config("one", address, Limits::default())).await;
    started.err().unwrap()
}

#[tokio::test]
async fn a_log_that_is_not_the_snapshots_is_refused_at_the_start() {
    let error = refused(false, LOG, Some(OTHER), 9).await;
    assert!(
        matches!(&error, StartError::LogSource(LogSourceError::OtherGraph { found, .. })
            if found.to_string() == OTHER),
        "{error}"
    );
    let error = refused(true, OTHER, None, 9).await;
    assert!(
        matches!(&error, StartError::LogSource(LogSourceError::OtherLog { found, expected, .. })
            if [found, expected].map(ToString::to_string) == [OTHER, LOG]),
        "{error}"
    );
    let error = refused(true, LOG, None, 4).await;
    assert!(
        matches!(
            &error,
            StartError::LogSource(LogSourceError::Behind { scn, head, .. })
                if [*scn, *head] == [5, 4].map(Scn::new)
        ),
        "{error}"
    );
    let error = refused(true, "no id", None, 9).await;
    assert!(
        matches!(&error, StartError::LogSource(LogSourceError::InvalidId { invalid, .. })
            if invalid.text == "no id"),
        "{error}"
    );
}
