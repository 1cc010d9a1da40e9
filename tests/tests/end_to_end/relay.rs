//! One relay, two followers and a writer, under kill -9 of any of them.
//!
//! All answer as the model does at the same SCN, and as a server that owns a copy of the log.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cloud_client::Published;
use cloud_proto::databus::v1::{AsOf, AtLeast, GetStatusRequest, WindowPart, at_least};
use cloud_tests::binaries::binary;
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use cloud_tests::questions::Reader;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tonic::Code;

/// A site, with the windows of its source "core" that were published so far.
struct Site {
    folder: tempfile::TempDir,
    lineage: String,
    model: Model,
    ids: Vec<u64>,
    random: ChaCha8Rng,
    published: BTreeMap<u64, WindowPart>,
    offset: u64,
}

impl Site {
    fn new(seed: u64) -> Site {
        println!("seed {seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = history::site(Shape::Uniform, 100, &mut random);
        site::build(&model, folder.path());
        for server in ["one", "two", "owner"] {
            let copied = folder.path().join(server).join("snapshot");
            site::copy(&folder.path().join("snapshot"), &copied);
        }
        let mut ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
        ids.extend((1..10).map(|new| 1_000_003 * new));
        Site {
            lineage: site::lineage(&folder.path().join("snapshot")),
            folder,
            model,
            ids,
            random,
            published: BTreeMap::new(),
            offset: 0,
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn relay(&self, ports: [u16; 2]) -> Server {
        Server::relay(
            self.folder.path(),
            &self.lineage,
            ports,
            &["--log-segment-bytes", "16KiB"],
        )
    }

    fn follower(&self, name: &str, relay: &Server) -> Server {
        Server::try_follow(&self.path(name), relay.public(), &[])
            .unwrap_or_else(|log| panic!("{name} did not start:\n{log}"))
    }

    /// Publishes windows, each again until it is acknowledged: the relay may be away meanwhile.
    async fn publish(&mut self, relay: &Connections, windows: usize) -> AsOf {
        let mut last = None;
        for _ in 0..windows {
            let mut part = history::window(&self.ids, &mut self.random);
            self.offset += self.random.random_range(1..5);
            (part.source_id, part.source_offset) = (String::from("core"), self.offset);
            let Published { as_of, .. } = loop {
                match publish_one(relay, part.clone()).await {
                    Ok(answer) => break answer,
                    Err(code) => assert_eq!(code, Code::Unavailable),
                }
            };
            self.published.insert(as_of.scn, part);
            last = Some(as_of);
        }
        last.expect("at least one window")
    }

    /// Returns the model with everything that was published.
    fn moved(&self) -> Model {
        let mut model = self.model.clone();
        for part in self.published.values() {
            model.apply_window(part);
        }
        model
    }
}

async fn publish_one(relay: &Connections, part: WindowPart) -> Result<Published, Code> {
    let published = relay.admin.publish(history::to_publish(part)).await;
    published.map_err(|refused| refused.code())
}

/// Sends random requests. Graph and profiles must answer each as of this point, and as the model
/// does.
pub(crate) async fn check_answers(server: &Server, as_of: &AsOf, model: &Model, ids: &[u64]) {
    let connections = server.connect().await;
    let at_least = Some(AtLeast {
        point: Some(at_least::Point::AsOf(as_of.clone())),
    });
    let request = cloud_proto::cloud::v1::BatchGetProfilesRequest {
        anonymous: true,
        member_ids: ids.to_vec(),
        at_least,
        ..Default::default()
    };
    // A wait ends after 2 s. After the relay was away, the server reconnects within 5 s.
    while let Err(status) = connections.client.call(request.clone()).await {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    let mut reader = Reader::new(
        connections,
        ids.to_vec(),
        ChaCha8Rng::seed_from_u64(as_of.scn),
    );
    let mut checked = 0;
    while checked < 300 {
        for record in reader.ask().await {
            assert_eq!(record.scn(), as_of.scn, "{record:?}");
            record.check(model);
            checked += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_of_a_relay_answer_alike_whoever_is_killed() {
    let mut site = Site::new(11);
    let mut relay = site.relay([0, 0]);
    let ports = relay.ports();
    let mut one = site.follower("one", &relay);
    let two = site.follower("two", &relay);
    let rounds = if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        50
    } else {
        4
    };
    for round in 0..rounds {
        let connections = relay.connect().await;
        let as_of = site.publish(&connections, 40).await;
        if round % 2 == 0 {
            // The relay is killed while a window is in flight: acknowledged or not, the log holds
            // it once.
            let on_its_way = history::window(&site.ids, &mut site.random);
            site.offset += 1;
            let on_its_way = WindowPart {
                source_id: String::from("core"),
                source_offset: site.offset,
                ..on_its_way
            };
            let sent = tokio::spawn({
                let (connections, part) = (connections.clone(), on_its_way.clone());
                async move { publish_one(&connections, part).await.ok() }
            });
            relay.kill();
            drop(sent.await.expect("the writer does not panic"));
            relay = site.relay(ports);
            let connections = relay.connect().await;
            let again = publish_one(&connections, on_its_way.clone()).await;
            let as_of = again.expect("published").as_of;
            site.published.insert(as_of.scn, on_its_way);
        } else {
            one.kill();
            site.publish(&connections, 20).await;
            one = site.follower("one", &relay);
        }
        assert!(
            site.published.contains_key(&as_of.scn),
            "what was acknowledged stays"
        );
        let connections = relay.connect().await;
        let as_of = site.publish(&connections, 1).await;
        let scns: Vec<u64> = site.published.keys().copied().collect();
        assert_eq!(
            scns,
            (1..=as_of.scn).collect::<Vec<_>>(),
            "nothing else is in the log"
        );
        let model = site.moved();
        check_answers(&one, &as_of, &model, &site.ids).await;
        check_answers(&two, &as_of, &model, &site.ids).await;
    }
    // A server that owns a copy of the log replays it to the same state.
    let connections = relay.connect().await;
    let as_of = site.publish(&connections, 1).await;
    let model = site.moved();
    check_answers(&two, &as_of, &model, &site.ids).await;
    assert!(one.terminate().success() && two.terminate().success());
    assert!(relay.terminate().success(), "SIGTERM ends the relay well");
    cloud_tests::site::copy(&site.path("log"), &site.path("owner/log"));
    let owner = Server::start(&site.path("owner"));
    check_answers(&owner, &as_of, &model, &site.ids).await;
    println!("{} windows", site.published.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_there_before_its_relay_answers_and_catches_up() {
    let mut site = Site::new(14);
    let mut relay = site.relay([0, 0]);
    let (ports, address) = (relay.ports(), relay.public().to_owned());
    let mut one = site.follower("one", &relay);
    for is_killed in [false, true] {
        let connections = relay.connect().await;
        let as_of = site.publish(&connections, 40).await;
        let model = site.moved();
        check_answers(&one, &as_of, &model, &site.ids).await;
        relay.kill();
        if is_killed {
            one.kill();
        } else {
            assert!(one.terminate().success());
        }
        one = Server::try_follow(&site.path("one"), &address, &[])
            .unwrap_or_else(|log| panic!("it did not start without its relay:\n{log}"));
        let connections = one.connect().await;
        let status = connections
            .admin
            .call(cloud_proto::cloud::v1::GetStatusRequest {})
            .await
            .expect("a status");
        let reason = status.graph_lag.expect("a lag").reason;
        assert!(reason.contains("is not followed"), "{reason}");
        let stands = status.graph.expect("where the graph stands");
        assert_eq!(stands.log_id, as_of.log_id);
        if is_killed {
            // The graph is at the SCN of the last orderly end, and the profiles are further: a
            // request for both waits.
            assert!(stands.scn < as_of.scn, "{stands:?}");
            let request = cloud_proto::cloud::v1::GetNetworkSizesRequest {
                viewer_id: site.ids[0],
                ..Default::default()
            };
            match connections.client.call(request).await {
                Ok(sizes) => assert_eq!(sizes.as_of, Some(stands)),
                Err(status) => assert_eq!(status.code(), Code::NotFound, "{status}"),
            }
        } else {
            assert_eq!(stands, as_of);
            check_answers(&one, &as_of, &model, &site.ids).await;
        }
        relay = site.relay(ports);
        let connections = relay.connect().await;
        let as_of = site.publish(&connections, 20).await;
        check_answers(&one, &as_of, &site.moved(), &site.ids).await;
    }
    assert!(one.terminate().success() && relay.terminate().success());
}

fn dump(folder: &Path, flags: &[&str]) -> Output {
    Command::new(binary("databus"))
        .arg("dump")
        .arg(folder)
        .args(flags)
        .output()
        .expect("the binary starts")
}

/// Returns the lines of an output as JSON. The process must have succeeded.
fn json(output: &Output) -> Vec<Value> {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    lines.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_says_what_a_log_holds_while_a_relay_owns_it() {
    let mut site = Site::new(12);
    let relay = site.relay([0, 0]);
    let connections = relay.connect().await;
    let as_of = site.publish(&connections, 200).await;
    let log = site.path("log");
    // The mark that makes the last window durable follows it by 50 ms.
    let counted = loop {
        let counted = json(&dump(&log, &["--count", "--json"])).remove(0);
        if counted["last_scn"] == as_of.scn {
            break counted;
        }
    };
    let status = connections.client.call(GetStatusRequest {}).await;
    let status = status.expect("a status");
    assert_eq!(counted["log_id"], as_of.log_id);
    assert_eq!(counted["lineage_id"], site.lineage);
    assert_eq!(counted["windows"], site.published.len());
    assert_eq!(counted["segments"], status.segments);
    assert!(status.segments > 1, "{status:?}");
    let changes: usize = site.published.values().map(|part| part.changes.len()).sum();
    let by_kind = counted["changes"].as_object().expect("counts by kind");
    let by_kind: u64 = by_kind.values().filter_map(Value::as_u64).sum();
    assert_eq!(by_kind, changes as u64);

    let windows = json(&dump(&log, &["--json"]));
    assert_eq!(windows.len(), site.published.len());
    for (window, (scn, part)) in windows.iter().zip(&site.published) {
        assert_eq!(window["scn"], *scn);
        assert_eq!(window["source_offset"], part.source_offset);
        assert_eq!(
            window["changes"].as_array().map(Vec::len),
            Some(part.changes.len())
        );
    }
    let after = json(&dump(&log, &["--json", "--after-scn", "190"]));
    assert_eq!(after, windows[190..]);
    let text = String::from_utf8(dump(&log, &[]).stdout).expect("UTF-8");
    assert_eq!(
        text.lines().filter(|line| line.starts_with("SCN ")).count(),
        200
    );
    let verified = json(&dump(&log, &["--verify", "--json"])).remove(0);
    assert_eq!(verified["windows"], 200);

    assert!(relay.terminate().success());
    let second = log.read_dir().expect("a folder").filter_map(|entry| {
        let path = entry.expect("an entry").path();
        (path.extension()? == "log" && !path.ends_with("00000000000000000001.log")).then_some(path)
    });
    let second = second.min().expect("a second segment");
    let mut bytes = fs::read(&second).expect("a segment");
    bytes[1_000] ^= 1;
    fs::write(&second, bytes).expect("a segment");
    let output = dump(&log, &["--verify"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let named = format!("{}: damaged at byte ", second.display());
    assert!(said.lines().any(|line| line.starts_with(&named)), "{said}");
    let output = dump(&log, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&named));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_that_follows_prints_what_becomes_durable() {
    let mut site = Site::new(13);
    let relay = site.relay([0, 0]);
    let connections = relay.connect().await;
    let mut following = Command::new(binary("databus"))
        .arg("dump")
        .arg(site.path("log"))
        .args(["--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(following.stdout.take().expect("a piped stdout")).lines();
    // The windows fill several segments, and each is printed before the next is published.
    for _ in 0..20 {
        let as_of = site.publish(&connections, 10).await;
        let printed = lines.by_ref().take(10).map(|line| {
            let line = line.expect("the dump prints UTF-8");
            serde_json::from_str::<Value>(&line).expect("an object a line")["scn"].as_u64()
        });
        assert_eq!(printed.last().flatten(), Some(as_of.scn));
    }
    following.kill().expect("the dump was running");
    following.wait().expect("the dump ended");
}

#[test]
fn a_relay_says_what_it_lacks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let relay = |flags: &[&str]| {
        let output = Command::new(binary("databus"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
                "--log",
            ])
            .arg(&log)
            .args(flags)
            .output()
            .expect("the binary starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = relay(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no log here; a new one needs the lineage"),
        "{said}"
    );
    let wrong = [
        (["--lineage", "x"], "is not an id of 32 hexadecimal digits"),
        (["--log-segment-bytes", "1KiB"], "must be at least 4096"),
        (["--connections-max", "0"], "0 is not in 1..=1048576"),
        (["--log-level", "loud=x"], "is not a log filter"),
    ];
    for (flags, expected) in wrong {
        let (code, said) = relay(&flags);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
