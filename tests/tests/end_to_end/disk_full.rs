//! A full disk under the real server: writes are refused with a reason, and reads continue.
//!
//! Once there is room again, everything works without a restart.
//!
//! The disk is a small tmpfs, which only root may mount. Without root nothing is tested, and a line
//! says so.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloud_client::Error;
use cloud_proto::cloud::v1::{
    BatchGetProfilesRequest, GetNetworkSizesRequest, GetStatusRequest, TakeSnapshotRequest,
};
use cloud_proto::databus::v1::at_least::Point;
use cloud_proto::databus::v1::{AsOf, AtLeast, WindowPart};
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use cloud_tests::questions::Reader;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use cloud_tests::small_disk::SmallDisk;
use graph_server::limits::PROFILES_QUEUE_WINDOWS_MAX;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The time limit of each wait. A commit of profiles that failed is retried after a second.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A server on a small disk, with the model of its answers.
struct Site {
    disk: SmallDisk,
    model: Model,
    ids: Vec<u64>,
    random: ChaCha8Rng,
    offset: u64,
    head: AsOf,
}

impl Site {
    async fn start() -> Option<(Self, Server, Connections)> {
        Self::start_with_log(None).await
    }

    /// Starts a site, with the log on another disk if one is given.
    async fn start_with_log(elsewhere: Option<&Path>) -> Option<(Self, Server, Connections)> {
        let disk = SmallDisk::mount()?;
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let model = history::site(Shape::Uniform, 100, &mut random);
        site::build(&model, disk.path());
        if let Some(log) = elsewhere {
            symlink(log, disk.path().join("log")).expect("a link");
        }
        let ids = model.members().map(|(id, _)| id).collect();
        let server = Server::start(disk.path());
        let connections = server.connect().await;
        let mut site = Self {
            disk,
            model,
            ids,
            random,
            offset: 0,
            head: AsOf::default(),
        };
        for _ in 0..20 {
            site.publish(&connections).await.expect("there is room");
        }
        site.check(&connections).await;
        Some((site, server, connections))
    }

    fn next_window(&mut self) -> WindowPart {
        self.offset += 1;
        let mut window = history::window(&self.ids, &mut self.random);
        window.source_id = String::from("core");
        window.source_offset = self.offset;
        window
    }

    async fn publish(&mut self, connections: &Connections) -> Result<(), Error> {
        let window = self.next_window();
        self.send(connections, &window).await
    }

    async fn send(&mut self, connections: &Connections, window: &WindowPart) -> Result<(), Error> {
        let window_to_publish = history::to_publish(window.clone());
        self.head = connections.admin.publish(window_to_publish).await?.as_of;
        self.model.apply_window(window);
        Ok(())
    }

    /// Publishes until the status says that profiles find no room, and returns its reason. The log
    /// is on another disk.
    async fn publish_until_profiles_wait(&mut self, connections: &Connections) -> String {
        let begun = Instant::now();
        loop {
            let published = self.publish(connections).await;
            published.expect("the log is elsewhere");
            let status = connections.admin.call(GetStatusRequest {}).await;
            let lag = status.expect("a status").search_lag;
            if let Some(lag) = lag.filter(|lag| lag.reason.contains("No space left on device")) {
                return lag.reason;
            }
            assert!(begun.elapsed() < WAIT_MAX, "profiles are still written");
        }
    }

    /// Checks that answers equal the model's at the head, from profiles and search too, after
    /// waiting for them to reach it.
    async fn check(&mut self, connections: &Connections) {
        self.wait(connections).await;
        let mut reader = Reader::new(connections.clone(), self.ids.clone(), self.random.clone());
        for _ in 0..60 {
            for record in reader.ask().await {
                assert_eq!(record.scn(), self.head.scn, "{record:?}");
                record.check(&self.model);
            }
        }
    }

    async fn wait(&self, connections: &Connections) {
        let begun = Instant::now();
        let request = BatchGetProfilesRequest {
            anonymous: true,
            member_ids: self.ids.clone(),
            at_least: self.at_head(),
            ..Default::default()
        };
        while let Err(refused) = connections.client.call(request.clone()).await {
            assert!(
                begun.elapsed() < WAIT_MAX,
                "profiles do not come to SCN {}: {refused}",
                self.head.scn
            );
        }
    }

    /// Checks that the graph is answered as of the head. Profiles may be behind, but are still
    /// answered.
    async fn check_reads_go_on(&self, connections: &Connections) {
        let mut reader = Reader::new(connections.clone(), self.ids.clone(), self.random.clone());
        let mut answered = 0;
        for _ in 0..60 {
            for record in reader.ask().await {
                if record.scn() == self.head.scn {
                    record.check(&self.model);
                }
                answered += 1;
            }
        }
        assert!(answered > 30, "{answered} answers");
        let request = BatchGetProfilesRequest {
            anonymous: true,
            member_ids: self.ids.clone(),
            at_least: None,
            ..Default::default()
        };
        connections
            .client
            .call(request)
            .await
            .expect("profiles are read while nothing can be written");
    }

    /// Checks that a server that starts on this disk answers correctly, accepts changes, and ends
    /// well.
    async fn check_start(&mut self) {
        let server = Server::start(self.disk.path());
        let connections = server.connect().await;
        self.check(&connections).await;
        self.publish(&connections).await.expect("there is room");
        self.check(&connections).await;
        assert!(server.terminate().success(), "SIGTERM ends the server well");
    }

    fn at_head(&self) -> Option<AtLeast> {
        Some(AtLeast {
            point: Some(Point::AsOf(self.head.clone())),
        })
    }

    fn snapshot_request(&self) -> TakeSnapshotRequest {
        TakeSnapshotRequest {
            at_least: self.at_head(),
        }
    }

    fn snapshots(&self) -> Vec<String> {
        let entries = fs::read_dir(self.disk.path().join("snapshot")).expect("a folder");
        let names = entries.map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        });
        let mut names: Vec<String> = names
            .filter(|name| name.len() == 20 || name.starts_with("overlay"))
            .collect();
        names.sort();
        names
    }
}

fn is_about_room(refused: &Error) -> bool {
    refused.to_string().contains("No space left on device")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_are_refused_until_there_is_room() {
    let Some((mut site, server, connections)) = Site::start().await else {
        return;
    };
    for round in 0..3 {
        site.disk.fill();
        // The free part of the log's last page may take a few windows.
        let mut refused = None;
        let mut window = site.next_window();
        for _ in 0..500 {
            match site.send(&connections, &window).await {
                Ok(()) => window = site.next_window(),
                Err(status) => {
                    refused = Some(status);
                    break;
                }
            }
        }
        let refused = refused.expect("a full disk takes no window");
        println!("round {round}: {refused}");
        assert!(
            is_about_room(&refused) && refused.to_string().contains("/log/"),
            "{refused}"
        );
        site.check_reads_go_on(&connections).await;
        site.disk.make_room();
        site.send(&connections, &window)
            .await
            .expect("there is room again");
        site.publish(&connections)
            .await
            .expect("and for the next one");
        site.check(&connections).await;
    }
    assert!(server.terminate().success(), "SIGTERM ends the server well");
    let server = Server::start(site.disk.path());
    site.check(&server.connect().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_finds_no_room_leaves_the_one_before() {
    let Some((mut site, server, connections)) = Site::start().await else {
        return;
    };
    let before = site.snapshots();
    site.disk.fill();
    let refused = connections
        .admin
        .call(site.snapshot_request())
        .await
        .expect_err("there is no room");
    println!("{refused}");
    assert!(is_about_room(&refused), "{refused}");
    assert_eq!(site.snapshots(), before, "nothing half-made has a name");
    site.check_reads_go_on(&connections).await;
    // After a kill in this state, it starts from the earlier snapshot.
    server.kill();
    site.disk.make_room();
    let server = Server::start(site.disk.path());
    let connections = server.connect().await;
    site.check(&connections).await;
    site.disk.fill();
    connections
        .admin
        .call(site.snapshot_request())
        .await
        .expect_err("there is no room");
    site.disk.make_room();
    let begun = Instant::now();
    let taken = loop {
        match connections.admin.call(site.snapshot_request()).await {
            Ok(taken) => break taken,
            Err(refused) => assert!(begun.elapsed() < WAIT_MAX, "{refused}"),
        }
    };
    assert_eq!(taken.as_of, Some(site.head.clone()));
    site.publish(&connections).await.expect("there is room");
    site.check(&connections).await;
    server.kill();
    let server = Server::start(site.disk.path());
    let connections = server.connect().await;
    let status = connections
        .admin
        .call(GetStatusRequest {})
        .await
        .expect("a status");
    assert_eq!(status.snapshot.expect("a snapshot").scn, site.head.scn - 1);
    site.check(&connections).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_finds_no_room_costs_time_only() {
    let Some((mut site, server, connections)) = Site::start().await else {
        return;
    };
    // The overlay is larger than the few pages that stores free when they are closed. The filler
    // thread takes those.
    for _ in 0..300 {
        site.publish(&connections).await.expect("there is room");
    }
    site.wait(&connections).await;
    drop(connections);
    let has_ended = AtomicBool::new(false);
    let status = std::thread::scope(|scope| {
        site.disk.fill();
        scope.spawn(|| {
            while !has_ended.load(Ordering::Relaxed) {
                site.disk.fill();
            }
        });
        let status = server.terminate();
        has_ended.store(true, Ordering::Relaxed);
        status
    });
    let overlays: Vec<String> = site
        .snapshots()
        .into_iter()
        .filter(|name| name.starts_with("overlay"))
        .collect();
    assert!(overlays.is_empty(), "no room, and yet {overlays:?}");
    assert!(
        !status.success(),
        "an end without an overlay is no end in order"
    );
    site.disk.make_room();
    site.check_start().await;
    assert_eq!(site.snapshots().len(), 2, "a snapshot and an overlay");
}

/// More windows than the queue to the profiles has places for: the graph does not wait for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_graph_goes_on_while_profiles_cannot_be_written() {
    let log = tempfile::tempdir().expect("a temporary folder");
    let Some((mut site, server, connections)) = Site::start_with_log(Some(log.path())).await else {
        return;
    };
    site.disk.fill();
    let reason = site.publish_until_profiles_wait(&connections).await;
    println!("{reason}");
    for _ in 0..PROFILES_QUEUE_WINDOWS_MAX + 100 {
        (site.publish(&connections).await).expect("the log is elsewhere");
    }
    let status = connections.admin.call(GetStatusRequest {}).await;
    let lag = status.expect("a status").search_lag.expect("profiles wait");
    assert!(lag.reason.contains("No space left on device"), "{lag:?}");
    let (viewer_id, _) = site.model.members().next().expect("a member is left");
    let sizes = connections.client.call(GetNetworkSizesRequest {
        viewer_id,
        third: false,
        at_least: site.at_head(),
    });
    sizes.await.expect("the graph reaches the log's head");
    site.check_reads_go_on(&connections).await;
    site.disk.make_room();
    site.check(&connections).await;
    drop(connections);
    assert!(server.terminate().success());
    site.check_start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_does_not_wait_for_profiles_that_cannot_be_written() {
    let log = tempfile::tempdir().expect("a temporary folder");
    let Some((mut site, server, connections)) = Site::start_with_log(Some(log.path())).await else {
        return;
    };
    site.disk.fill();
    let reason = site.publish_until_profiles_wait(&connections).await;
    println!("{reason}");
    drop(connections);
    let status = server.terminate();
    assert!(!status.success(), "what waited was not written");
    site.disk.make_room();
    site.check_start().await;
}
