//! A site whose log is lost goes on from a copied snapshot, with a new log; and a snapshot is
//! written as dumps that build the same site.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cloud_client::{Published, Window};
use cloud_proto::databus::v1::{AsOf, WindowPart};
use cloud_tests::binaries::binary;
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use cloud_tests::server::{COMPACTING, Connections, Server};
use cloud_tests::site;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::relay::check_answers;

const REMEDY: &str = "loader adopt --snapshot DIR --new-log";

/// A site whose source "core" publishes one window after the other.
struct Site {
    folder: tempfile::TempDir,
    model: Model,
    ids: Vec<u64>,
    random: ChaCha8Rng,
    windows: Vec<WindowPart>,
}

impl Site {
    fn new(seed: u64) -> Site {
        println!("seed {seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = history::site(Shape::Uniform, 100, &mut random);
        site::build(&model, folder.path());
        let mut ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
        ids.extend((1..10).map(|new| 1_000_003 * new));
        Site {
            folder,
            model,
            ids,
            random,
            windows: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Publishes new windows. Returns the point of the last one.
    async fn publish(&mut self, owner: &Connections, windows: usize) -> AsOf {
        let mut last = None;
        for _ in 0..windows {
            let mut part = history::window(&self.ids, &mut self.random);
            part.source_offset = 10 * (1 + self.windows.len() as u64);
            part.source_id = "core".to_owned();
            let Published { as_of, repeat } = publish(owner, &part).await;
            assert!(!repeat);
            self.windows.push(part);
            last = Some(as_of);
        }
        last.expect("at least one window")
    }

    /// Returns the model with the first windows.
    fn moved(&self, windows: usize) -> Model {
        let mut model = self.model.clone();
        for part in &self.windows[..windows] {
            model.apply_window(part);
        }
        model
    }
}

async fn publish(owner: &Connections, part: &WindowPart) -> Published {
    let window: Window = history::to_publish(part.clone());
    owner.admin.publish(window).await.expect("published")
}

fn loader(arguments: &[&str], path: &Path) -> Output {
    Command::new(binary("loader"))
        .args(arguments)
        .arg(path)
        .output()
        .expect("the loader's binary starts")
}

fn adopt(site: &Path) -> String {
    let output = loader(&["adopt", "--new-log", "--snapshot"], site);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// Returns why no server starts in `folder`.
fn refused(folder: &Path) -> String {
    match Server::try_start(folder, &[]) {
        Ok(_) => panic!("a server started in {}", folder.display()),
        Err(log) => log,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_whose_log_is_lost_goes_on_from_its_snapshot() {
    const IN_SNAPSHOT: usize = 40;
    let mut site = Site::new(21);
    let folder = site.folder.path().to_owned();
    let server = Server::start(&folder);
    let connections = server.connect().await;
    let in_snapshot = site.publish(&connections, IN_SNAPSHOT).await;
    let point = in_snapshot.clone().into();
    let taken = connections.admin.take_snapshot(Some(point)).await;
    taken.expect("a snapshot");
    let last = site.publish(&connections, 20).await;
    assert!(server.terminate().success());

    // The disk with the log is lost. What remains is refused, with the way on.
    fs::rename(folder.join("log"), folder.join("lost")).expect("a log");
    let reason = refused(&folder);
    assert!(
        reason.contains("no log here; the snapshot continues log") && reason.contains(REMEDY),
        "{reason}"
    );
    let printed = adopt(&folder.join("snapshot"));
    let new_log = printed
        .lines()
        .find_map(|line| line.strip_prefix("stands at    "))
        .and_then(|line| line.split(' ').find(|word| word.len() == 32))
        .unwrap_or_else(|| panic!("no log in {printed}"))
        .to_owned();
    assert_ne!(new_log, last.log_id);
    assert!(
        printed.contains("source       core goes on after offset 400"),
        "{printed}"
    );
    assert!(
        printed.contains(&format!("replaced-{}", last.log_id)),
        "{printed}"
    );
    let inspected = loader(&["inspect"], &folder.join("snapshot"));
    let inspected = String::from_utf8_lossy(&inspected.stdout).into_owned();
    let stands_at = format!(
        "SCN {}, where the new log {new_log} begins",
        in_snapshot.scn
    );
    assert!(inspected.contains(&stands_at), "{inspected}");

    // The adopted snapshot does not take the other log.
    assert!(!folder.join("log").exists(), "nothing was created");
    fs::rename(folder.join("lost"), folder.join("log")).expect("a log");
    let reason = refused(&folder);
    assert!(
        reason.contains(&format!("is of log {}", last.log_id)) && reason.contains(REMEDY),
        "{reason}"
    );
    fs::remove_dir_all(folder.join("log")).expect("a log");

    // It begins the new one. The source sends its windows again: those of before are repeats.
    let server = Server::start(&folder);
    let connections = server.connect().await;
    let at_beginning = AsOf {
        log_id: new_log.clone(),
        ..in_snapshot.clone()
    };
    check_answers(&server, &at_beginning, &site.moved(IN_SNAPSHOT), &site.ids).await;
    let windows = site.windows.clone();
    for (number, part) in windows.iter().enumerate().skip(IN_SNAPSHOT - 3) {
        let Published { as_of, repeat } = publish(&connections, part).await;
        assert_eq!(as_of.log_id, new_log);
        assert_eq!(repeat, number < IN_SNAPSHOT, "window {number}");
        if !repeat {
            assert_eq!(as_of.scn, 1 + number as u64);
        }
    }
    let as_of = site.publish(&connections, 10).await;
    let model = site.moved(site.windows.len());
    check_answers(&server, &as_of, &model, &site.ids).await;
    // A start without and with a snapshot of the new log.
    server.kill();
    let server = Server::start_with(&folder, &COMPACTING);
    check_answers(&server, &as_of, &model, &site.ids).await;
    let connections = server.connect().await;
    let taken = connections.admin.take_snapshot(None).await;
    taken.expect("a snapshot");
    assert!(server.terminate().success());
    let server = Server::start(&folder);
    check_answers(&server, &as_of, &model, &site.ids).await;
    assert!(server.terminate().success());
    // The log is known now, and its loss is noticed.
    fs::remove_dir_all(folder.join("log")).expect("a log");
    assert!(refused(&folder).contains(&format!("continues log {new_log}")));
}

#[test]
fn what_begins_a_new_log_already_is_refused() {
    let site = Site::new(22);
    let output = loader(
        &["adopt", "--new-log", "--snapshot"],
        &site.path("snapshot"),
    );
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && reason.contains("begins a new log already"),
        "{reason}"
    );
    let server = Server::start(site.folder.path());
    let output = loader(
        &["adopt", "--new-log", "--snapshot"],
        &site.path("snapshot"),
    );
    let reason = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(reason.contains("is in use by a running server"), "{reason}");
    assert!(server.terminate().success());
    let output = loader(&["adopt", "--snapshot"], &site.path("snapshot"));
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_written_as_dumps_that_build_the_same_site() {
    for seed in [31, 32] {
        let mut site = Site::new(seed);
        let folder = site.folder.path().to_owned();
        let server = Server::start(&folder);
        let connections = server.connect().await;
        let last = site.publish(&connections, 60).await;
        let taken = connections.admin.take_snapshot(Some(last.into())).await;
        taken.expect("a snapshot");
        assert!(server.terminate().success());
        let again = folder.join("again");
        let out = again.to_str().expect("UTF-8");
        let output = loader(
            &["export", "--out", out, "--snapshot"],
            &folder.join("snapshot"),
        );
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let files = ["members", "positions", "connections"];
        let flags = files.map(|kind| format!("--{kind}"));
        let names = files.map(|kind| format!("{kind}.csv"));
        let arguments: Vec<&str> = flags
            .iter()
            .zip(&names)
            .flat_map(|(flag, name)| [flag.as_str(), name.as_str()])
            .collect();
        site::load(&again, &arguments, &[]);
        let server = Server::start(&again);
        let connections = server.connect().await;
        let as_of = connections.client.network_sizes(site.ids[0], false).await;
        let as_of = as_of.expect("sizes").as_of.expect("a point");
        check_answers(&server, &as_of, &site.moved(site.windows.len()), &site.ids).await;
        assert!(server.terminate().success());
    }
}
