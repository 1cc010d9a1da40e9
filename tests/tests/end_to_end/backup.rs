//! Backups that are taken while changes are published, and what is started from them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud_client::Admin;
use cloud_proto::databus::v1::{AsOf, WindowPart};
use cloud_tests::binaries::binary;
use cloud_tests::cloudctl::cloudctl;
use cloud_tests::history::{self, Shape};
use cloud_tests::installed::workspace;
use cloud_tests::model::Model;
use cloud_tests::questions::Reader;
use cloud_tests::rounds::rounds;
use cloud_tests::server::{COMPACTING, Connections, Server};
use cloud_tests::site;
use databus::LogFiles;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A window of about this many changes every ten milliseconds: 10,000 changes a second.
const CHANGES: usize = 100;
const INTERVAL: Duration = Duration::from_millis(10);

/// A site whose changes are published until it is stopped.
struct Busy {
    folder: TempDir,
    model: Model,
    ids: Vec<u64>,
    stop: Arc<AtomicBool>,
    published: JoinHandle<BTreeMap<u64, WindowPart>>,
}

impl Busy {
    fn site() -> (TempDir, Model, Vec<u64>) {
        let mut random = ChaCha8Rng::seed_from_u64(14);
        let model = history::site(Shape::Uniform, 200, &mut random);
        let folder = tempfile::tempdir().expect("a temporary folder");
        site::build(&model, folder.path());
        let ids = model.members().map(|(id, _)| id).collect();
        (folder, model, ids)
    }

    /// Publishes changes from now on.
    fn publish((folder, model, ids): (TempDir, Model, Vec<u64>), admin: Admin) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let published = tokio::spawn(publish(admin, ids.clone(), Arc::clone(&stop)));
        Self {
            folder,
            model,
            ids,
            stop,
            published,
        }
    }

    /// Ends the publishing. Returns the windows, and how many changes a second they held.
    async fn end(self) -> (TempDir, Restored) {
        self.stop.store(true, Ordering::Release);
        let windows = self.published.await.expect("every window is acknowledged");
        let restored = Restored {
            model: self.model,
            ids: self.ids,
            scn: 0,
            windows,
        };
        (self.folder, restored)
    }
}

async fn publish(admin: Admin, ids: Vec<u64>, stop: Arc<AtomicBool>) -> BTreeMap<u64, WindowPart> {
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let mut windows = BTreeMap::new();
    let mut pace = tokio::time::interval(INTERVAL);
    while !stop.load(Ordering::Acquire) {
        pace.tick().await;
        let mut part = history::window(&ids, &mut random);
        while part.changes.len() < CHANGES {
            let more = history::window(&ids, &mut random);
            part.changes.extend(more.changes);
        }
        let published = admin.publish(history::to_publish(part.clone())).await;
        let as_of = published.expect("the log takes windows").as_of;
        windows.insert(as_of.scn, part);
    }
    windows
}

/// The model of what a start from a backup must answer.
struct Restored {
    model: Model,
    ids: Vec<u64>,
    /// The SCN of the model.
    scn: u64,
    windows: BTreeMap<u64, WindowPart>,
}

impl Restored {
    /// Brings the model to an SCN, unless it is there.
    fn advance(&mut self, scn: u64) {
        if scn <= self.scn {
            return;
        }
        for (_, part) in self.windows.range(self.scn + 1..=scn) {
            self.model.apply_window(part);
        }
        self.scn = scn;
    }

    /// Starts a server on a backup. Checks that it holds every window up to `at_least`, and that
    /// its answers are those of the model at its head.
    async fn check(&mut self, backup: &Path, at_least: u64, what: &str) -> Server {
        let server = Server::start(backup);
        let connections = server.connect().await;
        let status = connections.admin.status().await.expect("a status");
        let head = status.log_head.expect("a log");
        assert!(head.scn >= at_least, "{what}: {} < {at_least}", head.scn);
        let last = self.windows.keys().next_back();
        assert!(
            last.is_some_and(|last| head.scn <= *last),
            "{what}: {head:?}"
        );
        self.advance(head.scn);
        self.check_answers(&connections, &head, what).await;
        server
    }

    /// Checks that the answers at a point are those of the model.
    async fn check_answers(&self, connections: &Connections, point: &AsOf, what: &str) {
        let client = connections.client.at_least(point.clone());
        let profiles = client.profiles(&self.ids).await;
        profiles.unwrap_or_else(|error| panic!("{what}: {error}"));
        let random = ChaCha8Rng::seed_from_u64(point.scn);
        let mut reader = Reader::new(connections.clone(), self.ids.clone(), random);
        for _ in 0..40 {
            for record in reader.ask().await {
                assert_eq!(record.scn(), point.scn, "{what}: {record:?}");
                record.check(&self.model);
            }
        }
    }
}

/// Takes a backup. Returns the point that it holds.
async fn back_up(admin: &Admin, target: &Path, same_disk: bool) -> AsOf {
    let target = target.to_str().expect("UTF-8");
    let mut progress = admin.take_backup(target, same_disk).await.expect("a call");
    loop {
        let message = progress.next().await.expect("a backup");
        if let Some(taken) = message.expect("an answer").taken {
            return taken.as_of.expect("a point");
        }
    }
}

/// Checks with the program that every frame of a log is good.
fn verify(log: &Path) {
    let mut command = Command::new(binary("databus"));
    let verified = command.arg("dump").arg("--verify").arg(log).output();
    let verified = verified.expect("databus runs");
    let text = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success(), "{}: {text}", log.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_load_hold_a_prefix_of_the_log() {
    let site = Busy::site();
    let path = site.0.path().to_owned();
    let flags = [
        &COMPACTING[..],
        &["--snapshots-kept", "1", "--log-bytes-max", "4000000"],
    ]
    .concat();
    let server = Server::start_with(&path, &flags);
    let admin = server.connect().await.admin.without_timeout();
    let busy = Busy::publish(site, admin.clone());
    let mut taken = Vec::new();
    for number in 0..rounds(3, 20) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let same_disk = number % 3 == 2;
        let target = path.join(format!("backup-{number}"));
        let as_of = back_up(&admin, &target, same_disk).await;
        taken.push((target, as_of, same_disk));
    }
    let (_folder, mut restored) = busy.end().await;
    let changes: usize = restored
        .windows
        .values()
        .map(|part| part.changes.len())
        .sum();
    println!(
        "{} windows, {changes} changes, {} backups",
        restored.windows.len(),
        taken.len()
    );
    drop(server);
    let mut before = 0;
    for (target, as_of, same_disk) in taken {
        let what = format!("{} at SCN {}", target.display(), as_of.scn);
        assert!(as_of.scn > before, "{what}: no window since the last one");
        before = as_of.scn;
        verify(&target.join("log"));
        let snapshots = cloud_engine::newest_snapshots(&target.join("snapshot"));
        let snapshots = snapshots.expect("a site");
        assert_eq!(snapshots.len(), 1, "{what}");
        let links = fs::metadata(snapshots[0].join("manifest.json")).expect("a manifest");
        // The server has removed its own snapshot since, in all likelihood.
        assert!(same_disk || links.nlink() == 1, "{what}");
        let started = restored.check(&target, as_of.scn, &what).await;
        assert!(started.terminate().success(), "{what}");
    }
}

/// Returns the commands of the page on backups that stand under this name.
fn commands(name: &str) -> String {
    let page = fs::read_to_string(workspace().join("docs/backup.md")).expect("the page");
    let begin = format!("```sh {name}\n");
    let (_, rest) = page.split_once(&begin).expect("the commands");
    rest.split_once("```").expect("an end").0.to_owned()
}

/// The folders of the page.
struct Folders<'a> {
    site: &'a Path,
    backup: &'a Path,
}

impl Folders<'_> {
    /// Runs commands of the page in a shell, which finds the programs and the server.
    fn run(&self, name: &str, server: Option<&Server>) {
        let programs = binary("cloudctl");
        let programs = programs.parent().expect("a folder").to_str();
        let path = std::env::var("PATH").expect("a path");
        let mut shell = Command::new("sh");
        shell
            .args(["-e", "-u", "-c", &commands(name)])
            .env("PATH", format!("{}:{path}", programs.expect("UTF-8")))
            .env("SITE", self.site.join("snapshot"))
            .env("LOG", self.site.join("log"))
            .env("BACKUP", self.backup);
        if let Some(server) = server {
            shell.env("CLOUD_SERVER", server.public());
            shell.env("CLOUD_ADMIN", server.admin());
        }
        let output = shell.output().expect("a shell");
        assert!(output.status.success(), "{name}: {output:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_disks_are_followed_by_the_commands_of_the_page() {
    let site = Busy::site();
    let path = site.0.path().to_owned();
    let server = Server::start(&path);
    let busy = Busy::publish(site, server.connect().await.admin);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let other_disk = tempfile::tempdir().expect("a temporary folder");
    let backup = other_disk.path().join("backup");
    let folders = Folders {
        site: &path,
        backup: &backup,
    };
    folders.run("backup", Some(&server));
    let again = cloudctl(&server, &["backup", backup.to_str().expect("UTF-8")]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    let text = String::from_utf8_lossy(&again.stderr);
    assert!(text.contains("directory: must not exist"), "{text}");
    let (_folder, mut restored) = busy.end().await;
    drop(server);

    fs::remove_dir_all(path.join("snapshot")).expect("snapshots");
    fs::remove_dir_all(path.join("log")).expect("a log");
    folders.run("everything", None);
    let server = restored.check(&path, 1, "everything").await;
    // Changes go on behind the windows that the backup holds.
    let (random, admin) = (ChaCha8Rng::seed_from_u64(16), server.connect().await.admin);
    let mut part = history::window(&restored.ids, &mut { random });
    (part.source_id, part.source_offset) = ("core".to_owned(), 70);
    let published = admin.publish(history::to_publish(part.clone())).await;
    let head = published.expect("a log").as_of.scn;
    assert_eq!(head, restored.scn + 1);
    restored.windows.split_off(&head);
    restored.windows.insert(head, part.clone());
    drop(server);

    fs::remove_dir_all(path.join("snapshot")).expect("snapshots");
    folders.run("snapshots", None);
    let server = restored.check(&path, head, "the snapshots").await;
    let admin = server.connect().await.admin;
    admin.take_snapshot(None).await.expect("a snapshot");
    drop(server);

    let lost = LogFiles::open(&path.join("log")).expect("a log").log_id();
    fs::remove_dir_all(path.join("log")).expect("a log");
    let refused = Server::try_start(&path, &[]).err().expect("an error");
    assert!(refused.contains("loader adopt"), "{refused}");
    folders.run("log", None);
    let server = Server::start(&path);
    let connections = server.connect().await;
    let status = connections.admin.status().await.expect("a status");
    let point = status.graph.expect("a point");
    assert_ne!(point.log_id, lost.to_string());
    restored
        .check_answers(&connections, &point, "the log")
        .await;
    // The offset of the source was taken over.
    let repeated = connections
        .admin
        .publish(history::to_publish(part.clone()))
        .await;
    assert!(repeated.expect("an answer").repeat);
    part.source_offset += 1;
    let published = connections.admin.publish(history::to_publish(part)).await;
    let published = published.expect("a log");
    assert!(!published.repeat && published.as_of.scn == point.scn + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_cannot_be_taken_is_refused_and_leaves_nothing() {
    let (folder, ..) = Busy::site();
    let server = Server::start(folder.path());
    let admin = server.connect().await.admin;
    let refused = async |target: &Path, same_disk| {
        let target = target.to_str().expect("UTF-8");
        let error = match admin.take_backup(target, same_disk).await {
            Ok(mut progress) => loop {
                match progress.next().await {
                    Ok(message) => assert!(message.expect("an error").taken.is_none()),
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        let failure = error.failure().expect("an answer");
        (failure.reason.clone(), error.to_string())
    };
    for name in ["snapshot/backup", "snapshot/live/backup", "log/backup"] {
        let (reason, why) = refused(&folder.path().join(name), false).await;
        assert_eq!(reason, "INVALID_FIELD");
        assert!(
            why.contains("must not be in a folder that is copied"),
            "{why}"
        );
    }
    let left_over = folder.path().join("backup.partial");
    fs::create_dir(&left_over).expect("a folder");
    let (reason, why) = refused(&folder.path().join("backup"), false).await;
    assert_eq!(reason, "NO_BACKUP");
    assert!(why.contains("backup.partial: exists already"), "{why}");
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    let memory = Path::new("/dev/shm");
    if device(memory).is_some_and(|other| Some(other) != device(folder.path())) {
        let target = memory.join(format!("cloud-backup-{}", std::process::id()));
        let (reason, why) = refused(&target, true).await;
        assert_eq!(reason, "NO_BACKUP");
        assert!(why.contains("is on another file system"), "{why}");
        assert!(!target.exists() && !target.with_extension("partial").exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relays_log_and_its_followers_are_backed_up_apart() {
    let site = Busy::site();
    let path = site.0.path().to_owned();
    let lineage = site::lineage(&path.join("snapshot"));
    let relay = Server::relay(&path, &lineage, [0, 0], &[]);
    let follower = Server::try_follow(&path, relay.public(), &[]).expect("a follower");
    let busy = Busy::publish(site, relay.connect().await.admin);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let other_disk = tempfile::tempdir().expect("a temporary folder");
    let target = other_disk.path().join("backup");
    let as_of = back_up(&follower.connect().await.admin, &target, false).await;
    assert!(as_of.scn > 0 && !target.join("log").exists());
    for option in [None, Some("--same-disk")] {
        let log = match option {
            None => target.join("log"),
            Some(_) => path.join("linked"),
        };
        let mut command = Command::new(binary("databus"));
        let command = command.arg("backup").arg(path.join("log")).arg(&log);
        let made = command.args(option).output().expect("databus runs");
        assert!(made.status.success(), "{made:?}");
        verify(&log);
    }
    let (_folder, mut restored) = busy.end().await;
    drop(follower);
    drop(relay);
    // A server that owns the log starts from both.
    restored.check(&target, as_of.scn, "both backups").await;
}
