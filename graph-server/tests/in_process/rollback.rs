//! A log that is restored from an older copy, and written on or not: whatever stands at another
//! point is refused, or right, and never of a mix of both logs.
//!
//! A run publishes [`WINDOWS`] windows. After each one, the log and the state of a server
//! (snapshot, overlay and live stores) are copied. Then every copy of the log meets states of
//! servers from before and after it.

use crate::relay_site::{RelaySite, copy};
use crate::small_site::{SmallSite, config, write_snapshot};
use crate::until::until;
use cloud_client::proto::databus::v1::AsOf;
use cloud_client::{Admin, Client, Degree, Page, SearchOptions, Window, connection_added};
use databus::{Log, LogOptions};
use graph_server::{Config, Limits, serve};
use std::{
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    thread,
};
use tempfile::TempDir;

const WINDOWS: u64 = 50;

/// The member whose connections tell which windows were applied.
const VIEWER: u64 = 8;

/// Window `scn` connects the viewer with this member: another one in each log.
fn member_of(scn: u64, is_rewritten: bool) -> u64 {
    1000 + scn + if is_rewritten { 500 } else { 0 }
}

/// A run of windows, and the copies that were made after each.
struct Run {
    folder: TempDir,
    /// The `as_of` after each window; the first is before them all.
    points: Vec<AsOf>,
}

/// A log that was restored from the copy after a window, and written on.
#[derive(Clone, Copy, Debug)]
struct Restored {
    /// The window after which the copy was made.
    at: u64,
    /// The end of the log after it was written on.
    head: u64,
}

fn limits() -> Limits {
    Limits {
        // A point that the log does not reach is not waited for.
        wait_ms_max: 1,
        ..Limits::DEFAULT
    }
}

impl Run {
    /// Publishes the windows, each to a server that is then stopped. Every tenth server takes a
    /// snapshot first.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let live = tempfile::tempdir().unwrap();
        write_snapshot(&live.path().join("snapshot"));
        let mut site = SmallSite::on(live, Limits::default()).await;
        let sizes = site.client.network_sizes(VIEWER, false).await.unwrap();
        let mut run = Self {
            folder,
            points: vec![sizes.as_of.unwrap()],
        };
        for scn in 1..=WINDOWS {
            let published = site.admin.publish(window_of(scn)).await.unwrap();
            run.points.push(published.as_of.clone());
            // The graph and the profiles have applied the window.
            let client = site.client.at_least(published.as_of.clone());
            let search = client.search(VIEWER, "", SearchOptions::default()).await;
            assert_eq!(search.unwrap().as_of.unwrap().scn, scn);
            if scn % 10 == 0 {
                let timeout = std::time::Duration::from_secs(60);
                let admin = site.admin.timeout(timeout);
                admin
                    .take_snapshot(Some(published.as_of.into()))
                    .await
                    .unwrap();
            }
            let live = site.stop().await;
            copy(&live.path().join("snapshot"), &run.state(scn));
            copy(&live.path().join("log"), &run.log(scn));
            site = SmallSite::on(live, Limits::default()).await;
        }
        site.stop().await;
        run
    }

    /// The state of a server at a window.
    fn state(&self, scn: u64) -> PathBuf {
        self.folder.path().join(format!("state-{scn}"))
    }

    /// The log as of a window.
    fn log(&self, scn: u64) -> PathBuf {
        self.folder.path().join(format!("log-{scn}"))
    }

    /// Copies the log as of a window, and writes it on with other windows.
    fn restore(&self, restored: Restored, log: &Path) {
        copy(&self.log(restored.at), log);
        write_on(log, restored.at + 1..=restored.head);
    }

    /// Starts a server at `state` on a restored log, and checks that it is refused, or answers as
    /// the restored log says.
    async fn check(&self, state: u64, restored: Restored, config: Config) {
        let what = format!("state at {state}, log {restored:?}");
        match serve(config).await {
            Ok(running) => {
                assert!(state <= restored.at, "{what}: it is of another log");
                let client = Client::connect(running.public_addr().to_string()).await;
                self.check_answers(&client.unwrap(), restored, &what).await;
                running.shutdown().await.unwrap();
            }
            Err(error) => {
                assert!(state > restored.at, "{what}: {error}");
                assert!(
                    error.to_string().contains("bootstrap again"),
                    "{what}: {error}"
                );
                let is_lost = error.to_string().contains("has lost changes");
                assert_eq!(is_lost, state > restored.head, "{what}: {error}");
            }
        }
    }

    /// Checks a server that follows a restored log: its connections, and the points of the run that
    /// callers send back.
    async fn check_answers(&self, client: &Client, restored: Restored, what: &str) {
        let rewritten = restored.at + 1..=restored.head;
        let expected: Vec<_> = members(1..=restored.at, false)
            .chain(members(rewritten, true))
            .collect();
        let found = until(what, async || {
            let page = Page {
                size: 1000,
                ..Page::default()
            };
            let listed = client.network(VIEWER, Degree::First, page).await.unwrap();
            let is_there = listed.as_of.unwrap().scn == restored.head;
            is_there.then_some(listed.member_ids)
        })
        .await;
        assert_eq!(found, expected, "{what}");
        for point in &self.points {
            let asked = client
                .at_least(point.clone())
                .network_sizes(VIEWER, false)
                .await;
            let reason = asked.map(drop).map_err(|error| {
                let failure = error.failure().unwrap();
                failure.reason.clone()
            });
            let expected = match point.scn {
                scn if scn <= restored.at => Ok(()),
                scn if scn <= restored.head => Err("OTHER_LOG".to_owned()),
                _ => Err("NOT_REACHED".to_owned()),
            };
            assert_eq!(reason, expected, "{what}: the point at SCN {}", point.scn);
        }
    }
}

fn members(scns: RangeInclusive<u64>, is_rewritten: bool) -> impl Iterator<Item = u64> {
    scns.map(move |scn| member_of(scn, is_rewritten))
}

/// The ends of a log that was restored at a window: as it was, written on by one window, to the
/// run's end, and beyond it.
fn heads(at: u64) -> [u64; 4] {
    [at, at + 1, WINDOWS, WINDOWS + 5]
}

/// The states that meet a log that was restored at a window: those around it, the run's last one,
/// and one that moves; every state with `CLOUD_TEST_LONG`.
fn states(at: u64) -> Vec<u64> {
    if env::var_os("CLOUD_TEST_LONG").is_some() {
        return (1..=WINDOWS).collect();
    }
    let mut states = vec![at.saturating_sub(1), at, at + 1, WINDOWS, at * 7 % WINDOWS];
    states.retain(|state| (1..=WINDOWS).contains(state));
    states.sort_unstable();
    states.dedup();
    states
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_log_that_went_back_is_refused_or_right() {
    let run = Run::new().await;
    for at in 1..=WINDOWS {
        let head = heads(at)[at as usize % 4];
        for state in states(at) {
            let restored = Restored { at, head };
            let site = tempfile::tempdir().unwrap();
            copy(&run.state(state), &site.path().join("snapshot"));
            run.restore(restored, &site.path().join("log"));
            run.check(state, restored, config(site.path(), limits()))
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relays_log_that_went_back_is_refused_or_right() {
    let run = Run::new().await;
    for at in 1..=WINDOWS {
        let head = heads(at)[(at as usize / 2) % 4];
        let restored = Restored { at, head };
        let site = RelaySite::new();
        run.restore(restored, &site.folder.path().join("log"));
        let relay = site.relay(&[]).await;
        for state in states(at) {
            let name = format!("state-{state}");
            let folder = site.folder.path().join(&name).join("snapshot");
            copy(&run.state(state), &folder);
            let config = site.config(&name, relay.address(), limits());
            run.check_follower(state, restored, config).await;
            fs::remove_dir_all(site.folder.path().join(&name)).unwrap();
        }
        relay.stop().await;
    }
}

impl Run {
    /// Checks a server that follows a relay. A relay refuses a subscription after a point of
    /// another log; the server then has served nothing but its own state.
    async fn check_follower(&self, state: u64, restored: Restored, config: Config) {
        let what = format!("state at {state}, relay {restored:?}");
        let running = match serve(config).await {
            Ok(running) => running,
            Err(error) => {
                assert!(state > restored.at, "{what}: {error}");
                assert!(
                    error.to_string().contains("bootstrap again"),
                    "{what}: {error}"
                );
                return;
            }
        };
        let client = Client::connect(running.public_addr().to_string())
            .await
            .unwrap();
        if state <= restored.at {
            self.check_answers(&client, restored, &what).await;
            running.shutdown().await.unwrap();
            return;
        }
        let admin = Admin::connect(running.admin_addr().to_string())
            .await
            .unwrap();
        until(&what, async || {
            let lag = admin.status().await.unwrap().graph_lag.unwrap();
            lag.reason.contains("bootstrap again").then_some(())
        })
        .await;
        let sizes = client.network_sizes(VIEWER, false).await.unwrap();
        assert_eq!(
            sizes.as_of.as_ref(),
            self.points.get(state as usize),
            "{what}"
        );
        let error = running.shutdown().await.unwrap_err();
        assert!(
            error.to_string().contains("bootstrap again"),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn a_running_follower_notices_that_its_relays_log_went_back() {
    let site = RelaySite::new();
    let relay = site.relay(&[]).await;
    let address = relay.address();
    for scn in 1..=7 {
        relay.admin.publish(window_of(scn)).await.unwrap();
    }
    relay.stop().await;
    let [log, older] = ["log", "older"].map(|name| site.folder.path().join(name));
    copy(&log, &older);
    let relay = site.relay_at(address, "log", &[]).await;
    let follower = site.follower("one", address).await;
    let last = relay.admin.publish(window_of(8)).await.unwrap();
    follower.reach(&last.as_of).await;
    relay.stop().await;
    write_on(&older, 8..=9);
    let relay = site.relay_at(address, "older", &[]).await;
    follower.lags_because("bootstrap again").await;
    let sizes = follower.client.network_sizes(VIEWER, false).await.unwrap();
    assert_eq!(sizes.as_of, Some(last.as_of));
    follower.stop().await.unwrap_err();
    relay.stop().await;
}

fn window_of(scn: u64) -> Window {
    Window::of([connection_added(VIEWER, member_of(scn, false))])
}

/// Appends other windows to a log.
fn write_on(log: &Path, scns: RangeInclusive<u64>) {
    let log = log.to_owned();
    let written = thread::spawn(move || {
        let log = Log::open_any(&log, LogOptions::default()).unwrap();
        for scn in scns {
            let changes = vec![connection_added(VIEWER, member_of(scn, true))];
            let window = databus::Window {
                changes,
                ..Default::default()
            };
            assert_eq!(log.append_blocking(window).unwrap().scn.get(), scn);
        }
        log.close().unwrap();
    });
    written.join().unwrap();
}
