//! A site with two snapshots, an overlay, live stores and a log, and the model of its answers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cloud_client::DegreesOptions;
use cloud_proto::databus::v1::AsOf;
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use cloud_tests::questions::Reader;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

/// The time after which a start is taken for one that hangs.
const START_MAX: Duration = Duration::from_secs(60);
const WINDOWS: usize = 20;

/// A site that no server runs on.
pub(super) struct Site {
    folder: TempDir,
    model: Model,
    ids: Vec<u64>,
    random: ChaCha8Rng,
    head: AsOf,
}

/// The parts that a server serves.
pub(super) enum Served {
    Everything,
    /// Profiles and search are not served, for this reason.
    GraphAlone(String),
}

impl Site {
    /// Builds a site: windows before the first snapshot, before the second, and after it.
    pub(super) async fn build() -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let model = history::site(Shape::Uniform, 60, &mut random);
        let folder = tempfile::tempdir().expect("a temporary folder");
        site::build(&model, folder.path());
        let ids = model.members().map(|(id, _)| id).collect();
        let server = Server::start(folder.path());
        let mut site = Self {
            folder,
            model,
            ids,
            random,
            head: AsOf::default(),
        };
        let connections = server.connect().await;
        for part in 0..3 {
            for _ in 0..WINDOWS {
                site.publish(&server).await;
            }
            if part < 2 {
                let at_least = site.head.clone().into();
                let taken = connections.admin.take_snapshot(Some(at_least)).await;
                taken.expect("there is room");
            }
        }
        site.check_with(&connections, "undamaged").await;
        drop(connections);
        assert!(server.terminate().success(), "SIGTERM ends the server well");
        site
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a copy, with the earlier snapshots or without them.
    pub(super) fn copy(&self, has_older: bool) -> TempDir {
        let copy = tempfile::tempdir().expect("a temporary folder");
        for name in ["snapshot", "log"] {
            site::copy(&self.path().join(name), &copy.path().join(name));
        }
        if !has_older {
            let snapshots = cloud_engine::newest_snapshots(&copy.path().join("snapshot"));
            for older in &snapshots.expect("a site")[1..] {
                fs::remove_dir_all(older).expect("a snapshot");
            }
        }
        copy
    }

    /// Starts a server. Returns its stderr if it ends. Panics if it does neither.
    pub(super) async fn try_start(folder: &Path, what: &str) -> Result<Server, String> {
        let folder = folder.to_owned();
        let starting = tokio::task::spawn_blocking(move || Server::try_start(&folder, &[]));
        let started = tokio::time::timeout(START_MAX, starting).await;
        started
            .unwrap_or_else(|_| panic!("{what}: the start hangs"))
            .expect("no panic")
    }

    /// Publishes a window, which is acknowledged.
    pub(super) async fn publish(&mut self, server: &Server) {
        let window = history::window(&self.ids, &mut self.random);
        let admin = server.connect().await.admin;
        let published = admin.publish(history::to_publish(window.clone())).await;
        self.head = published.expect("the log takes windows").as_of;
        self.model.apply_window(&window);
    }

    /// Returns whether profiles have reached the head.
    pub(super) async fn is_current(&self, server: &Server) -> bool {
        let client = server.connect().await.client.at_least(self.head.clone());
        client.profiles(&self.ids).await.is_ok()
    }

    /// Checks that every kind of answer equals the model's at the head.
    pub(super) async fn check(&self, server: &Server, what: &str) {
        self.check_with(&server.connect().await, what).await;
    }

    async fn check_with(&self, connections: &Connections, what: &str) {
        let client = connections.client.at_least(self.head.clone());
        let profiles = client.profiles(&self.ids).await;
        profiles.unwrap_or_else(|error| panic!("{what}: {error}"));
        let random = self.random.clone();
        let mut reader = Reader::new(connections.clone(), self.ids.clone(), random);
        for _ in 0..40 {
            for record in reader.ask().await {
                assert_eq!(record.scn(), self.head.scn, "{what}: {record:?}");
                record.check(&self.model);
            }
        }
    }

    /// Checks the degrees of every pair of some members, and returns what else is served.
    pub(super) async fn check_graph(&self, server: &Server, what: &str) -> Served {
        let connections = server.connect().await;
        let client = connections.client.at_least(self.head.clone());
        for &viewer in self
            .ids
            .iter()
            .filter(|id| self.model.member(**id).is_some())
        {
            let answer = client
                .degrees(viewer, &self.ids, DegreesOptions::default())
                .await;
            let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
            let distances = self.model.distances(viewer);
            for member in &answer.degrees {
                let expected = self.model.degree(&distances, member.member_id);
                assert_eq!(member.degree(), expected, "{what}: {viewer} {member:?}");
            }
        }
        match client.profiles(&self.ids).await {
            Ok(_) => Served::Everything,
            Err(error) => Served::GraphAlone(error.to_string()),
        }
    }
}
