//! A server whose profiles and search cannot be served: it continues to serve its graph.

use crate::{
    compaction::{name, upserted},
    relay_site::copy,
    small_site::{SmallSite, config},
    transport::get,
    until::{until, until_true},
};
use cloud_client::{
    Degree, DegreesOptions, Error, SearchOptions, Window, connection_added,
    proto::databus::v1::AsOf,
};
use cloud_engine::{Manifest, newest_snapshots};
use databus::limits::RETENTION_INTERVAL;
use graph_server::{Limits, serve};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use tempfile::TempDir;
use tonic::{Code, transport::Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Flips a bit in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    fs::write(path, bytes).unwrap();
}

/// Returns a file of the newest snapshot's search index.
fn index_file(site: &Path) -> PathBuf {
    let newest = newest_snapshots(&site.join("snapshot")).unwrap().remove(0);
    let mut files = fs::read_dir(newest.join("search")).unwrap();
    let is_large = |path: &PathBuf| fs::metadata(path).unwrap().len() > 64;
    let mut paths = files.by_ref().map(|entry| entry.unwrap().path());
    paths.find(is_large).unwrap()
}

impl SmallSite {
    async fn health(&self, service: &str) -> ServingStatus {
        let endpoint = format!("http://{}", self.running.public_addr());
        let channel = Endpoint::from_shared(endpoint).unwrap().connect().await;
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = HealthClient::new(channel.unwrap()).check(request).await;
        answer.unwrap().into_inner().status()
    }

    async fn first_degree(&self, at_least: &AsOf, viewer: u64, member: u64) -> Degree {
        let client = self.client.at_least(at_least.clone());
        let answer = client
            .degrees(viewer, &[member], DegreesOptions::default())
            .await;
        answer.unwrap().degrees[0].degree()
    }

    /// Checks that the graph is served and followed, and that profiles and search are not, for this
    /// reason.
    async fn serves_its_graph_alone(&self, why: &str) {
        for (service, status) in [
            ("", ServingStatus::Serving),
            ("cloud.v1.NetworkService", ServingStatus::Serving),
            ("cloud.v1.AdminService", ServingStatus::Serving),
            ("databus.v1.Publisher", ServingStatus::Serving),
            ("cloud.v1.SearchService", ServingStatus::NotServing),
            ("cloud.v1.ProfileService", ServingStatus::NotServing),
        ] {
            assert_eq!(self.health(service).await, status, "{service}");
        }
        let refused = |error: Error| {
            let failure = error.failure().unwrap();
            assert_eq!(failure.code, Code::Unavailable, "{error}");
            assert_eq!(failure.reason, "NOT_SERVING", "{error}");
            assert!(error.to_string().contains(why), "{error}");
        };
        let client = &self.client;
        let searched = client.search(1, "acme", SearchOptions::default()).await;
        refused(searched.unwrap_err());
        refused(client.profiles(&[1]).await.unwrap_err());
        // The requests above state no at_least. The next one states a point that only the graph has
        // reached.
        let made = self.publish([connection_added(7, 9)]).await;
        let waiting = client.at_least(made.clone());
        refused(waiting.profiles(&[1]).await.unwrap_err());
        assert_eq!(self.first_degree(&made, 7, 9).await, Degree::First);

        let admin = self.running.admin_addr();
        let ready = get(admin, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
        let said = ready.contains("not serving profiles and search: ");
        assert!(said && ready.contains(why), "{ready}");
        let page = get(admin, "/metrics").await;
        for line in [
            "cloud_serving 1",
            "cloud_side_serving{side=\"graph\"} 1",
            "cloud_side_serving{side=\"profiles\"} 0",
            "cloud_lag_seconds{side=\"graph\"} 0",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
        let lag = self.admin.status().await.unwrap();
        assert_eq!(lag.graph_lag.unwrap().reason, "");
        let reason = lag.search_lag.unwrap().reason;
        assert!(reason.contains(why), "{reason}");
    }

    /// Compacts the graph into a snapshot without profiles at its SCN.
    async fn compacts(&self) -> AsOf {
        let made = self.publish([connection_added(8, 3)]).await;
        assert_eq!(self.snapshot(&made).await, made);
        assert_eq!(self.first_degree(&made, 8, 3).await, Degree::First);
        made
    }
}

#[tokio::test]
async fn a_damaged_index_of_the_only_snapshot_leaves_the_graph_serving() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let changed = site.publish([upserted(2, "changed")]).await;
    let told = site.everything(&changed).await;
    let folder = site.stop().await;
    let sound = tempfile::tempdir().unwrap();
    copy(folder.path(), sound.path());
    let index = index_file(folder.path());
    damage(&index);

    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    let why = index.file_name().unwrap().to_str().unwrap().to_owned();
    site.serves_its_graph_alone(&why).await;
    let taken = site.compacts().await;
    let file = site.folder.path().join("snapshot").join(name(&taken));
    let manifest = Manifest::read(&file).unwrap();
    assert_eq!((manifest.scn.get(), manifest.profiles_scn().get()), (3, 0));
    // The next start finds the same state, from the snapshot that the server has taken.
    let site = site.restart(Limits::DEFAULT).await;
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.snapshot.unwrap().scn, taken.scn);
    site.serves_its_graph_alone(&why).await;

    // With the original index, profiles and search reach the SCN of the graph.
    let folder = site.stop().await;
    fs::copy(index_file(sound.path()), &index).unwrap();
    let new = folder.path().join("snapshot").join(name(&taken));
    let linked = new.join("search").join(&why);
    assert_eq!(fs::read(linked).unwrap(), fs::read(&index).unwrap());
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    assert_eq!(
        site.health("cloud.v1.SearchService").await,
        ServingStatus::Serving
    );
    let found = site.client.at_least(taken).profiles(&[2]).await.unwrap();
    let profile = found.results[0].profile.clone().unwrap();
    assert_eq!(profile.headline, "changed");
    assert!(told.contains("changed"));
    site.stop().await;
}

impl SmallSite {
    /// Checks that profiles and search serve, as of a point, with the headline of member 2.
    async fn serves_everything(&self, at_least: &AsOf, headline: &str) {
        let client = self.client.at_least(at_least.clone());
        let found = client.profiles(&[2]).await.unwrap();
        let profile = found.results[0].profile.clone().unwrap();
        assert_eq!(profile.headline, headline);
        let searched = client
            .search(1, headline, SearchOptions::default())
            .await
            .unwrap();
        assert_eq!(searched.hits.len(), 1, "{searched:?}");
        let service = "cloud.v1.SearchService";
        assert_eq!(self.health(service).await, ServingStatus::Serving);
    }
}

/// Damages a file in this snapshot alone: the other snapshots keep it.
fn damage_copy(path: &Path) {
    let content = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
    damage(path);
}

#[tokio::test]
async fn a_damaged_index_falls_back_to_an_earlier_snapshot() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let earlier = site
        .snapshot(&site.publish([upserted(2, "first")]).await)
        .await;
    let later = site.publish([upserted(2, "changed")]).await;
    let newest = site.snapshot(&later).await;
    assert!(earlier.scn < newest.scn);
    let last = site.publish([connection_added(7, 9)]).await;
    let folder = site.stop().await;
    let index = index_file(folder.path());
    damage_copy(&index);

    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.snapshot.unwrap().scn, earlier.scn);
    site.serves_everything(&last, "changed").await;
    assert_eq!(site.first_degree(&last, 7, 9).await, Degree::First);
    // A new snapshot takes sound files over.
    let made = site.publish([connection_added(8, 3)]).await;
    assert_eq!(site.snapshot(&made).await, made);
    let site = site.restart(Limits::DEFAULT).await;
    let status = site.admin.status().await.unwrap();
    assert_eq!(status.snapshot.unwrap().scn, made.scn);
    site.serves_everything(&made, "changed").await;
    site.stop().await;
}

#[tokio::test]
async fn damaged_live_profiles_are_replaced_at_the_start() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let last = site.publish([upserted(2, "changed")]).await;
    let folder = site.stop().await;
    let live = folder.path().join("snapshot/live/profiles.redb");
    let mut bytes = fs::read(&live).unwrap();
    bytes.fill(0x5a);
    fs::write(&live, &bytes).unwrap();
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    site.serves_everything(&last, "changed").await;
    let folder = site.stop().await;
    let aside = folder.path().join("snapshot/live/damaged-profiles.redb");
    assert_eq!(fs::read(aside).unwrap(), bytes);
}

#[tokio::test]
async fn live_profiles_of_another_log_leave_the_graph_serving() {
    let other = SmallSite::start(Limits::DEFAULT).await;
    other.publish([upserted(2, "other")]).await;
    let other = other.stop().await;
    let site = SmallSite::start(Limits::DEFAULT).await;
    site.publish([upserted(2, "changed")]).await;
    let folder = site.stop().await;
    let live = |folder: &TempDir| folder.path().join("snapshot/live/profiles.redb");
    let sound = fs::read(live(&folder)).unwrap();
    fs::copy(live(&other), live(&folder)).unwrap();
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    site.serves_its_graph_alone("profiles.redb").await;
    let taken = site.compacts().await;

    let folder = site.stop().await;
    fs::write(live(&folder), sound).unwrap();
    let site = SmallSite::on(folder, Limits::DEFAULT).await;
    site.serves_everything(&taken, "changed").await;
    site.stop().await;
}

#[tokio::test]
async fn an_index_that_is_gone_is_made_again() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let live = site.folder.path().join("snapshot/live");
    let index = live.join("search");
    fs::remove_dir_all(&index).unwrap();
    let last = site.publish([upserted(2, "changed")]).await;
    until_true("the index is made again", async || {
        let client = site.client.at_least(last.clone());
        client.profiles(&[2]).await.is_ok()
    })
    .await;
    site.serves_everything(&last, "changed").await;
    assert!(index.is_dir());
    let site = site.restart(Limits::DEFAULT).await;
    site.serves_everything(&last, "changed").await;
    site.stop().await;
}

#[tokio::test]
async fn live_profiles_that_are_gone_are_made_again_from_the_log() {
    let site = SmallSite::start(Limits::DEFAULT).await;
    let first = site
        .publish([upserted(2, "first"), upserted(3, "third")])
        .await;
    site.serves_everything(&first, "first").await;
    fs::remove_dir_all(site.folder.path().join("snapshot/live")).unwrap();
    let last = site.publish([upserted(2, "changed")]).await;
    let reason = until("the lag has a reason", async || {
        let lag = site.admin.status().await.unwrap().search_lag.unwrap();
        (!lag.reason.is_empty()).then_some(lag.reason)
    })
    .await;
    assert!(reason.contains("profiles.redb"), "{reason}");
    assert_eq!(site.first_degree(&last, 1, 2).await, Degree::First);
    until_true("profiles are made again", async || {
        let client = site.client.at_least(last.clone());
        client.profiles(&[2]).await.is_ok()
    })
    .await;
    site.serves_everything(&last, "changed").await;
    let found = site.client.profiles(&[3]).await.unwrap();
    let profile = found.results[0].profile.clone().unwrap();
    assert_eq!(profile.headline, "third");
    let page = get(site.running.admin_addr(), "/metrics").await;
    assert!(
        page.contains("cloud_side_serving{side=\"profiles\"} 1"),
        "{page}"
    );
    let made = site.publish([connection_added(8, 3)]).await;
    assert_eq!(site.snapshot(&made).await, made);
    let site = site.restart(Limits::DEFAULT).await;
    site.serves_everything(&made, "changed").await;
    site.stop().await;
}

/// Returns a window that fills a segment of its own.
fn large_window() -> Window {
    Window::of((0..1_000).map(|other| connection_added(1, other + 100)))
}

/// Returns a site whose index is damaged, after a window.
async fn broken() -> TempDir {
    let site = SmallSite::start(Limits::DEFAULT).await;
    site.publish([upserted(2, "changed")]).await;
    let folder = site.stop().await;
    damage(&index_file(folder.path()));
    folder
}

#[tokio::test]
async fn the_log_keeps_what_search_needs_up_to_its_limit_of_bytes() {
    let limits = Limits {
        log_segment_bytes: 4 << 10,
        log_age_ms_max: 1,
        snapshots_kept: 1,
        ..Limits::DEFAULT
    };
    let site = SmallSite::on(broken().await, limits.clone()).await;
    for _ in 0..6 {
        site.admin.publish(large_window()).await.unwrap();
    }
    let made = site.publish([connection_added(8, 3)]).await;
    site.snapshot(&made).await;
    // The limit of age alone deletes no segment, however often it is checked: the profiles are at
    // the beginning.
    let looks = async |site: &SmallSite| {
        let page = get(site.running.admin_addr(), "/metrics").await;
        assert!(page.contains("cloud_oldest_profiles_scn 0\n"), "{page}");
        site.log.log_status().await.unwrap().oldest_after_scn
    };
    let begun = Instant::now();
    until_true("the log was looked at twice", async || {
        assert_eq!(looks(&site).await, 0);
        begun.elapsed() > 2 * RETENTION_INTERVAL
    })
    .await;

    // The limit of size deletes segments, and then the reason says so.
    let small = Limits {
        log_bytes_max: 1,
        ..limits
    };
    let site = site.restart(small.clone()).await;
    until_true("segments go", async || looks(&site).await > 0).await;
    until_true("the lag's reason says so", async || {
        let lag = site.admin.status().await.unwrap().search_lag;
        lag.unwrap().reason.contains("bootstrap again")
    })
    .await;
    let after = site.publish([connection_added(8, 4)]).await;
    assert_eq!(site.first_degree(&after, 8, 4).await, Degree::First);

    // A start whose profiles are sound, but older than the log, serves its graph.
    let folder = site.stop().await;
    damage(&index_file(folder.path()));
    fs::remove_dir_all(folder.path().join("snapshot/live")).unwrap();
    let running = serve(config(folder.path(), small)).await.unwrap();
    let ready = get(running.admin_addr(), "/readyz").await;
    assert!(ready.contains("bootstrap again"), "{ready}");
    running.shutdown().await.unwrap();
}
