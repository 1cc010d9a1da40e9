//! Servers that follow a relay: they answer as a server with a log of its own does.
//!
//! They report their lag while the relay is away, and report when only another snapshot helps.

use crate::compaction::upserted;
use crate::relay_site::{Follower, Relay, RelaySite, copy};
use crate::transport::get;
use crate::until::until;
use cloud_client::proto::databus::v1::AsOf;
use cloud_client::{
    Degree, DegreesOptions, Error, Event, Point, SearchOptions, Window, connection_added,
    connection_removed,
};
use std::{fmt::Debug, time::Duration};
use tokio::net::TcpListener;
use tonic::Code;

#[track_caller]
fn refused<T: Debug>(outcome: Result<T, Error>, code: Code, reason: &str, figure: (&str, &str)) {
    let error = outcome.unwrap_err();
    let failure = error.failure().unwrap_or_else(|| panic!("{error}"));
    let (name, value) = figure;
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (code, reason),
        "{error}"
    );
    assert_eq!(failure.metadata[name], value, "{error}");
}

fn numbered(offset: u64, change: cloud_client::proto::databus::v1::Change) -> Window {
    Window {
        source_id: "core".to_owned(),
        source_offset: offset,
        ..Window::of([change])
    }
}

#[tokio::test]
async fn two_followers_answer_as_the_log_says() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let followers = [
        site.follower("one", relay.address()).await,
        site.follower("two", relay.address()).await,
    ];
    let made = relay
        .admin
        .publish(numbered(70, connection_added(1, 7)))
        .await
        .unwrap();
    for Follower {
        client, admin, log, ..
    } in &followers
    {
        let none = DegreesOptions::default();
        for point in [made.as_of.clone().into(), Point::source("core", 70)] {
            let answer = client.at_least(point).degrees(1, &[7], none).await.unwrap();
            assert_eq!(answer.degrees[0].degree(), Degree::First);
            assert_eq!(answer.as_of, Some(made.as_of.clone()));
        }
        let session = client
            .at_least(made.as_of.clone())
            .begin_session(7)
            .await
            .unwrap();
        assert_eq!(session.as_of, Some(made.as_of.clone()));
        // Calls of the log's owner are refused with the relay's address.
        let owner = format!("http://{}", relay.address());
        let owner = ("owner", owner.as_str());
        let published = admin.publish(Window::of([connection_added(1, 8)])).await;
        refused(published, Code::FailedPrecondition, "NOT_OWNER", owner);
        let subscribed = log.subscribe(0, &[], "").await;
        refused(subscribed, Code::FailedPrecondition, "NOT_OWNER", owner);
        let status = log.log_status().await.unwrap();
        assert_eq!(status.owner, owner.1);
        assert_eq!(status.head, Some(made.as_of.clone()));
        assert_eq!(status.lineage_id, site.lineage());
        assert_eq!(
            (status.sources[0].last_offset, status.sources[0].scn),
            (70, 1)
        );
        let status = admin.status().await.unwrap();
        assert_eq!(status.log_head, Some(made.as_of.clone()));
    }
    // A server that follows a relay is not a relay itself, and its public listener serves no log.
    let [one, two] = followers;
    let other_listener = "serves no log; follow the listener that does: \
                          databus.v1.Databus is served on the admin listener";
    for (address, expected) in [
        (one.running.admin_addr(), "does not own its log"),
        (one.running.public_addr(), other_listener),
    ] {
        let error = site.try_follower("three", address).await.err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn a_window_of_many_parts_is_applied_once() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let follower = site.follower("one", relay.address()).await;
    let members = 100_000;
    let changes = (0..members).map(|other| connection_added(1, other + 100));
    let made = relay.admin.timeout(Duration::from_secs(60));
    let made = made.publish(Window::of(changes)).await.unwrap();
    follower.reach(&made.as_of).await;
    let sizes = follower.client.network_sizes(1, false).await.unwrap();
    assert_eq!((sizes.first, sizes.as_of), (members + 2, Some(made.as_of)));
    follower.stop().await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_under_a_relay_that_never_pauses_is_up_to_date_soon() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let admin = relay.admin.clone();
    let (sender, mut head) = tokio::sync::watch::channel(AsOf::default());
    let writer = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for number in 0.. {
            pace.tick().await;
            let window = Window::of([upserted(7, &format!("number {number}"))]);
            let made = admin.publish(window).await.unwrap();
            if sender.send(made.as_of).is_err() {
                return;
            }
        }
    });
    head.wait_for(|head| head.scn >= 10).await.unwrap();
    let follower = site.follower("one", relay.address()).await;
    for _ in 0..5 {
        let as_of = head.borrow_and_update().clone();
        follower.reach(&as_of).await;
        head.changed().await.unwrap();
    }
    drop(head);
    writer.await.unwrap();
    follower.stop().await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_has_the_pages_of_every_server() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let follower = site.follower("one", relay.address()).await;
    let window = || Window {
        source_id: "core".to_owned(),
        source_offset: 7,
        ..Window::of([connection_added(1, 7)])
    };
    let made = relay.admin.publish(window()).await.unwrap();
    assert!(relay.admin.publish(window()).await.unwrap().repeat);
    follower.reach(&made.as_of).await;
    let admin = relay.running.admin_addr();
    for path in ["/livez", "/readyz"] {
        let answer = get(admin, path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let page = get(admin, "/metrics").await;
    for line in [
        "cloud_serving 1",
        "cloud_log_head_scn 1",
        "cloud_log_segments 1",
        "cloud_log_sync_seconds_count 1",
        "cloud_streams{rpc=\"databus.v1.Databus/Subscribe\"} 1",
        "cloud_subscription_sent_scn{subscription=\"1\"} 1",
        "cloud_published_windows_total{outcome=\"durable\"} 1",
        "cloud_published_windows_total{outcome=\"repeat\"} 1",
        "cloud_published_windows_total{outcome=\"failed\"} 0",
        "cloud_published_changes_total 1",
        "cloud_rpc_seconds_count{rpc=\"databus.v1.Publisher/Publish\",code=\"OK\"} 2",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
    follower.stop().await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_that_is_away_is_lag_with_its_reason_until_it_is_back() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    let follower = site.follower("one", address).await;
    let made = relay
        .admin
        .publish(Window::of([connection_added(1, 7)]))
        .await
        .unwrap();
    follower.reach(&made.as_of).await;
    relay.stop().await;
    let reason = follower.lags_because("is not followed").await;
    assert!(reason.contains(&address.to_string()), "{reason}");
    // Requests are answered from the current state, and none waits in vain.
    let none = DegreesOptions::default();
    follower.client.degrees(1, &[7], none).await.unwrap();
    let admin = follower.running.admin_addr();
    assert!(get(admin, "/readyz").await.starts_with("HTTP/1.1 200 "));
    let page = get(admin, "/metrics").await;
    assert!(
        page.contains("cloud_lag_reason{reason=\"the relay at"),
        "{page}"
    );

    let relay = site.relay_at(address, "log", &[]).await;
    let gone = relay
        .admin
        .publish(Window::of([connection_removed(1, 7)]))
        .await
        .unwrap();
    let client = follower.client.timeout(Duration::from_secs(30));
    while client
        .at_least(gone.as_of.clone())
        .network_sizes(7, false)
        .await
        .is_err_and(|error| matches!(error, Error::TryAgain(_)))
    {}
    let answer = client.degrees(1, &[7], none).await.unwrap();
    assert_eq!(answer.degrees[0].degree(), Degree::OutOfNetwork);
    follower.lags_because("").await;
    follower.stop().await.unwrap();
    relay.stop().await;
}

/// Starts a server of this name, which follows the relay up to a window, and stops it again.
async fn followed(site: &RelaySite, name: &str, relay: &Relay) -> AsOf {
    let follower = site.follower(name, relay.address()).await;
    let made = relay.admin.publish(Window::of([connection_added(1, 7)]));
    let made = made.await.unwrap();
    follower.reach(&made.as_of).await;
    follower.stop().await.unwrap();
    made.as_of
}

#[tokio::test]
async fn a_server_that_starts_without_its_relay_answers_and_catches_up() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    let as_of = followed(&site, "one", &relay).await;
    relay.stop().await;

    let follower = site.follower("one", address).await;
    let reason = follower.lags_because("is not followed").await;
    assert!(reason.contains(&address.to_string()), "{reason}");
    // It reports the same as when the relay is lost later.
    let admin = follower.running.admin_addr();
    assert!(get(admin, "/readyz").await.starts_with("HTTP/1.1 200 "));
    let page = get(admin, "/metrics").await;
    assert!(
        page.contains("cloud_lag_reason{reason=\"the relay at"),
        "{page}"
    );
    let none = DegreesOptions::default();
    let client = &follower.client;
    let answer = client.degrees(1, &[7], none).await.unwrap();
    assert_eq!(answer.degrees[0].degree(), Degree::First);
    assert_eq!(answer.as_of, Some(as_of.clone()));
    follower.reach(&as_of).await;
    let found = client.search(1, "acme", SearchOptions::default()).await;
    assert_eq!(found.unwrap().as_of, Some(as_of.clone()));
    let beyond = AsOf {
        scn: as_of.scn + 1,
        ..as_of.clone()
    };
    let waited = client.at_least(beyond).network_sizes(1, false).await;
    assert!(matches!(waited, Err(Error::TryAgain(_))), "{waited:?}");
    let status = follower.log.log_status().await.unwrap();
    assert_eq!(status.owner, format!("http://{address}"));
    assert_eq!(
        (status.head, status.lineage_id),
        (Some(as_of), String::new())
    );

    let relay = site.relay_at(address, "log", &[]).await;
    let gone = relay.admin.publish(Window::of([connection_removed(1, 7)]));
    let gone = gone.await.unwrap().as_of;
    let client = follower.client.timeout(Duration::from_secs(30));
    while client
        .at_least(gone.clone())
        .network_sizes(7, false)
        .await
        .is_err_and(|error| matches!(error, Error::TryAgain(_)))
    {}
    let answer = client.degrees(1, &[7], none).await.unwrap();
    assert_eq!(answer.degrees[0].degree(), Degree::OutOfNetwork);
    follower.lags_because("").await;
    let status = follower.log.log_status().await.unwrap();
    assert_eq!(
        (status.head, status.lineage_id),
        (Some(gone), site.lineage())
    );
    follower.stop().await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn what_a_relay_must_have_is_checked_when_it_comes_after_the_server() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    relay.stop().await;
    let (log, older) = (
        site.folder.path().join("log"),
        site.folder.path().join("older"),
    );
    copy(&log, &older);
    let relay = site.relay_at(address, "log", &[]).await;
    for name in ["behind", "other", "gone"] {
        followed(&site, name, &relay).await;
    }
    relay.stop().await;
    forget(&site, 3).await;

    for (name, log, why) in [
        ("behind", "older", "ends at SCN 0"),
        ("other", "another", "has log"),
        ("gone", "log", "keeps its log after SCN"),
    ] {
        let follower = site.follower(name, address).await;
        follower.lags_because("is not followed").await;
        let relay = site.relay_at(address, log, &[]).await;
        if name == "other" {
            // The right relay may be back there later.
            follower.lags_because(why).await;
            follower.stop().await.unwrap();
        } else {
            stops_serving(follower, why).await;
        }
        relay.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_never_followed_a_log_waits_for_its_relay() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    relay.stop().await;
    let follower = site.follower("one", address);
    let relay = async {
        // A peer accepts the connection of the server, and closes it without an answer.
        let nobody = TcpListener::bind(address).await.unwrap();
        drop(nobody.accept().await.unwrap());
        drop(nobody);
        site.relay_at(address, "log", &[]).await
    };
    let (follower, relay) = tokio::join!(follower, relay);
    follower.stop().await.unwrap();
    relay.stop().await;
}

/// The flags of the smallest possible segments, of which none is kept longer than needed.
const FORGETFUL: [&str; 4] = ["--log-segment-bytes", "4KiB", "--log-bytes-max", "1"];

/// Publishes until the log has deleted the windows up to an SCN.
async fn forget(site: &RelaySite, scn: u64) -> AsOf {
    let relay = site.relay(&FORGETFUL).await;
    let head = until("the log's oldest segments are removed", async || {
        let changes = (0..1_000).map(|other| connection_added(1, other + 100));
        let made = relay.admin.publish(Window::of(changes)).await.unwrap();
        let status = relay.client.log_status().await.unwrap();
        (status.oldest_after_scn > scn).then_some(made.as_of)
    })
    .await;
    relay.stop().await;
    head
}

#[tokio::test]
async fn a_subscriber_below_what_is_kept_is_told_the_oldest() {
    let site = RelaySite::new();
    let head = forget(&site, 0).await;
    let relay = site.relay(&[]).await;
    let oldest = relay.client.log_status().await.unwrap().oldest_after_scn;
    assert!(oldest > 0 && oldest < head.scn);
    let subscribed = relay.client.subscribe(oldest - 1, &[], "").await;
    let told = oldest.to_string();
    let figure = ("oldest_after_scn", told.as_str());
    refused(subscribed, Code::OutOfRange, "DROPPED", figure);
    let mut kept = relay
        .client
        .subscribe(oldest, &[], &head.log_id)
        .await
        .unwrap();
    let first = loop {
        if let Some(Event::Part(part)) = kept.next().await.unwrap() {
            break part.scn;
        }
    };
    assert_eq!(first, oldest + 1);
    relay.stop().await;
}

/// Checks that the running server stops serving and reports the reason. Its shutdown still ends,
/// with the reason.
async fn stops_serving(follower: Follower, why: &str) {
    let admin = follower.running.admin_addr();
    let said = until("/readyz says 503", async || {
        let answer = get(admin, "/readyz").await;
        answer.starts_with("HTTP/1.1 503 ").then_some(answer)
    })
    .await;
    assert!(
        said.contains("bootstrap again") && said.contains(why),
        "{said}"
    );
    // Requests are still answered from the current state.
    let answer = follower.client.network_sizes(1, false).await.unwrap();
    assert!(answer.as_of.is_some());
    let error = follower.stop().await.unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
}

#[tokio::test]
async fn a_server_whose_scn_is_gone_says_bootstrap_again() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    let running = site.follower("running", address).await;
    let stopped = site.follower("stopped", address).await;
    let made = relay
        .admin
        .publish(Window::of([connection_added(1, 7)]))
        .await
        .unwrap();
    running.reach(&made.as_of).await;
    stopped.reach(&made.as_of).await;
    stopped.stop().await.unwrap();
    relay.stop().await;
    forget(&site, made.as_of.scn).await;
    let relay = site.relay_at(address, "log", &[]).await;
    let why = "keeps its log after SCN";
    stops_serving(running, why).await;
    let error = site.try_follower("stopped", address).await.err().unwrap();
    let said = error.to_string();
    assert!(
        said.contains("bootstrap again") && said.contains(why),
        "{said}"
    );
    relay.stop().await;
}

#[tokio::test]
async fn a_log_that_is_another_one_or_has_lost_changes_is_not_followed() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    let first = relay
        .admin
        .publish(Window::of([connection_added(1, 7)]))
        .await
        .unwrap();
    relay.stop().await;
    let (log, older) = (
        site.folder.path().join("log"),
        site.folder.path().join("older"),
    );
    copy(&log, &older);

    let relay = site.relay_at(address, "log", &[]).await;
    let behind = site.follower("behind", address).await;
    let second = relay
        .admin
        .publish(Window::of([connection_added(1, 8)]))
        .await
        .unwrap();
    behind.reach(&second.as_of).await;
    relay.stop().await;
    let relay = site.relay_at(address, "older", &[]).await;
    assert_eq!(
        relay.client.log_status().await.unwrap().head,
        Some(first.as_of)
    );
    stops_serving(behind, "ends at SCN 1").await;
    // Its overlay is beyond the end of the log.
    let error = site.try_follower("behind", address).await.err().unwrap();
    assert!(error.to_string().contains("has lost changes"), "{error}");

    // The server follows its own relay again when that is back.
    let other = site.follower("other", address).await;
    relay.stop().await;
    let relay = site.relay_at(address, "another", &[]).await;
    let reason = other.lags_because("has log").await;
    assert!(reason.contains("follow another relay"), "{reason}");
    relay.stop().await;
    let relay = site.relay_at(address, "older", &[]).await;
    let third = relay
        .admin
        .publish(Window::of([connection_added(1, 5)]))
        .await
        .unwrap();
    other.reach(&third.as_of).await;
    other.stop().await.unwrap();
    relay.stop().await;
}
