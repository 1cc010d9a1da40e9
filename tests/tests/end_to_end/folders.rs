//! Folders that are moved, replaced or deleted under their owner, and lock files that are deleted.
//!
//! Two real processes work on the same paths, under load. Nothing that either has acknowledged is
//! missing from the folder that it owns.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cloud_client::{Admin, Window, connection_added};
use cloud_tests::binaries::binary;
use cloud_tests::history::{self, Shape};
use cloud_tests::rounds::rounds;
use cloud_tests::server::Server;
use cloud_tests::site;
use cloud_tests::until::until;
use databus::{Log, LogOptions};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinHandle;

const LINEAGE: &str = "00112233445566778899aabbccddeeff";
const PUBLISHERS: usize = 4;
/// The windows that are acknowledged before something happens to the folder.
const WINDOWS_BEFORE: usize = 100;
const DISPLACED: &str = "is no longer what was opened at this path";

/// The acknowledged windows: source and offset, with the SCN of the answer.
type Acknowledged = BTreeMap<(String, u64), u64>;

/// Publishers that send one window after the other, each until its first error.
struct Load {
    publishers: Vec<JoinHandle<(Acknowledged, Option<String>)>>,
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Starts publishers of their own sources. Returns once windows are acknowledged.
    async fn start(server: &Server, name: &str) -> Self {
        let (acknowledged, stop) = (Arc::default(), Arc::default());
        let admin = Admin::connect(server.admin()).await.expect("it listens");
        let publish = |number| {
            let source = format!("{name}-{number}");
            publish(
                admin.clone(),
                source,
                Arc::clone(&acknowledged),
                Arc::clone(&stop),
            )
        };
        let publishers = (0..PUBLISHERS).map(publish).map(tokio::spawn);
        let load = Self {
            publishers: publishers.collect(),
            acknowledged,
            stop,
        };
        load.goes_on().await;
        load
    }

    /// Waits until more windows are acknowledged.
    async fn goes_on(&self) {
        let enough = self.acknowledged.load(Ordering::Relaxed) + WINDOWS_BEFORE;
        until("windows are acknowledged", async || {
            (self.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
    }

    /// Ends the load. No publisher has seen an error.
    async fn end(self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        let (acknowledged, errors) = self.ended().await;
        assert!(errors.is_empty(), "{errors:?}");
        acknowledged
    }

    /// Waits until every publisher has seen an error about the folder.
    async fn fails(self) -> Acknowledged {
        let (acknowledged, errors) = self.ended().await;
        assert_eq!(errors.len(), PUBLISHERS);
        for error in errors {
            assert!(
                error.contains(DISPLACED) && error.contains("/log/"),
                "{error}"
            );
        }
        acknowledged
    }

    async fn ended(self) -> (Acknowledged, Vec<String>) {
        let (mut all, mut errors) = (Acknowledged::new(), Vec::new());
        for publisher in self.publishers {
            let (acknowledged, error) = publisher.await.expect("no panic");
            all.extend(acknowledged);
            errors.extend(error);
        }
        (all, errors)
    }
}

async fn publish(
    admin: Admin,
    source: String,
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> (Acknowledged, Option<String>) {
    let mut acknowledged = Acknowledged::new();
    for offset in 1.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match admin.publish(window(&source, offset)).await {
            Ok(published) => {
                acknowledged.insert((source.clone(), offset), published.as_of.scn);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => return (acknowledged, Some(error.to_string())),
        }
    }
    (acknowledged, None)
}

fn window(source: &str, offset: u64) -> Window {
    Window {
        source_id: source.to_owned(),
        source_offset: offset,
        ..Window::of([connection_added(1, 1 + offset)])
    }
}

/// Checks that a log whose owner has ended verifies as good, and holds the windows.
fn check_log(log: &Path, acknowledged: &Acknowledged) {
    let dump = Command::new(binary("databus"))
        .args(["dump", "--verify"])
        .arg(log)
        .output();
    let dump = dump.expect("databus runs");
    let said = String::from_utf8_lossy(&dump.stdout);
    assert!(dump.status.success(), "{said}");
    let log = Log::open_any(log, LogOptions::default()).expect("a sound log");
    let mut reader = log
        .read_after(log.status().oldest_after_scn)
        .expect("it is read");
    let mut found = Acknowledged::new();
    while let Some(logged) = reader.next_window().expect("a sound window") {
        let window = logged.window;
        found.insert((window.source_id, window.source_offset), logged.scn.get());
    }
    for (window, scn) in acknowledged {
        assert_eq!(found.get(window), Some(scn), "{window:?} was acknowledged");
    }
    let words: Vec<_> = said.split(' ').collect();
    let at = words
        .iter()
        .position(|word| *word == "whole")
        .expect("a count");
    let whole: usize = words[at - 1].parse().expect("a number");
    assert!(whole >= acknowledged.len(), "{said}");
}

/// A folder with the path of a log, and the path that the log is moved to.
struct Place {
    folder: tempfile::TempDir,
    log: PathBuf,
    moved: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (log, moved) = (folder.path().join("log"), folder.path().join("moved"));
        Self { folder, log, moved }
    }

    fn relay(&self) -> Result<Server, String> {
        Server::try_relay(self.folder.path(), LINEAGE, [0, 0], &[])
    }

    /// Checks that no second process can own the log.
    fn refuses_another_owner(&self) {
        let refused = self.relay().err().expect("the log has an owner");
        assert!(refused.contains("in use by another process"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_lock_file_admits_no_second_owner() {
    for _ in 0..rounds(1, 20) {
        let place = Place::new();
        let first = place.relay().expect("the log is free");
        let load = Load::start(&first, "first").await;
        fs::remove_file(place.log.join("LOCK")).expect("a lock file");
        place.refuses_another_owner();
        load.goes_on().await;
        let acknowledged = load.end().await;
        first.kill();
        check_log(&place.log, &acknowledged);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_replaced_is_another_log() {
    for _ in 0..rounds(1, 20) {
        let place = Place::new();
        let first = place.relay().expect("the log is free");
        let load = Load::start(&first, "first").await;
        fs::rename(&place.log, &place.moved).expect("a folder");
        let second = place.relay().expect("another folder is free");
        let other_load = Load::start(&second, "second").await;
        let acknowledged = load.fails().await;
        let refused = Log::open_any(&place.moved, LogOptions::default());
        let refused = refused.expect_err("its owner lives").to_string();
        assert!(refused.contains("in use by another process"), "{refused}");
        // The first owner acknowledges nothing into the folder of the second.
        let admin = Admin::connect(first.admin()).await.expect("it listens");
        let error = admin.publish(window("late", 1)).await;
        assert!(
            error
                .expect_err("no folder")
                .to_string()
                .contains(DISPLACED)
        );
        other_load.goes_on().await;
        let by_the_other = other_load.end().await;
        first.kill();
        second.kill();
        check_log(&place.moved, &acknowledged);
        check_log(&place.log, &by_the_other);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_back_takes_windows_again() {
    for _ in 0..rounds(1, 20) {
        let place = Place::new();
        let first = place.relay().expect("the log is free");
        let load = Load::start(&first, "first").await;
        fs::rename(&place.log, &place.moved).expect("a folder");
        let mut acknowledged = load.fails().await;
        fs::rename(&place.moved, &place.log).expect("a folder");
        place.refuses_another_owner();
        let load = Load::start(&first, "again").await;
        acknowledged.extend(load.end().await);
        assert!(first.terminate().success(), "SIGTERM ends the relay well");
        check_log(&place.log, &acknowledged);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_folder_or_segment_takes_no_windows() {
    for round in 0..rounds(2, 20) {
        let place = Place::new();
        let first = place.relay().expect("the log is free");
        let load = Load::start(&first, "first").await;
        if round.is_multiple_of(2) {
            fs::remove_dir_all(&place.log).expect("a folder");
        } else {
            fs::remove_file(place.log.join("00000000000000000001.log")).expect("a segment");
        }
        load.fails().await;
        let admin = Admin::connect(first.admin()).await.expect("it listens");
        let error = admin.publish(window("late", 1)).await;
        assert!(
            error
                .expect_err("no segment")
                .to_string()
                .contains(DISPLACED)
        );
        if round.is_multiple_of(2) {
            let second = place.relay().expect("the path is free");
            let load = Load::start(&second, "second").await;
            let acknowledged = load.end().await;
            second.kill();
            check_log(&place.log, &acknowledged);
        } else {
            let left = fs::read_dir(&place.log).expect("a folder").count();
            assert_eq!(left, 1, "the lock file, and no segment that begins later");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_written_only_into_the_sites_own_folder() {
    for _ in 0..rounds(1, 20) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let random = &mut ChaCha8Rng::seed_from_u64(5);
        site::build(&history::site(Shape::Uniform, 50, random), folder.path());
        let (snapshot, moved) = (
            folder.path().join("snapshot"),
            folder.path().join("snapshot-moved"),
        );
        let server = Server::start(folder.path());
        let load = Load::start(&server, "first").await;
        let connections = server.connect().await;
        fs::rename(&snapshot, &moved).expect("a folder");
        fs::create_dir(&snapshot).expect("a folder");
        let refused = connections.admin.take_snapshot(None).await;
        let refused = refused.expect_err("another folder").to_string();
        assert!(
            refused.contains(DISPLACED) && refused.contains("/snapshot"),
            "{refused}"
        );
        // Changes are still durable and read: the log is elsewhere.
        load.goes_on().await;
        assert_eq!(fs::read_dir(&snapshot).expect("a folder").count(), 0);
        fs::remove_dir(&snapshot).expect("an empty folder");
        fs::rename(&moved, &snapshot).expect("a folder");
        let taken = until("a snapshot is taken", async || {
            connections.admin.take_snapshot(None).await.ok()
        });
        taken.await;
        let acknowledged = load.end().await;
        drop(connections);
        assert!(server.terminate().success(), "SIGTERM ends the server well");
        check_log(&folder.path().join("log"), &acknowledged);
    }
}
