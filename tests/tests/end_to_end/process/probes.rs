//! Probes in every state of a server: what `/livez`, `/readyz`, health checks and calls answer.
//!
//! Each test prints the rows of a table.

use super::small_site;
use cloud_client::{Client, DegreesOptions, Error, Window, connection_added};
use cloud_tests::http;
use cloud_tests::process::{Kind, Process, SOUND, Served, Signal, free_addresses};
use cloud_tests::rounds::rounds;
use cloud_tests::until::until;
use databus::{Log, LogOptions};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// The changes of a window of the log that a start replays.
const CHANGES: usize = 1_000;

/// The answers of a server at one moment. A listener that is closed, or full, gives none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answers {
    livez: Option<u16>,
    readyz: Option<(u16, String)>,
    health: Option<ServingStatus>,
    call: Code,
}

/// Requests everything, each on a new connection.
async fn ask(server: &Served) -> Answers {
    let page = async |path: &'static str| {
        let address = server.admin.clone();
        let got = tokio::task::spawn_blocking(move || http::get(&address, path));
        got.await.expect("no panic").ok()
    };
    let health = async {
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", server.admin));
        let channel = channel.expect("an address").connect().await.ok()?;
        let request = HealthCheckRequest::default();
        let answer = HealthClient::new(channel).check(request).await.ok()?;
        Some(answer.into_inner().status())
    };
    let call = async {
        let address = format!("http://{}", server.public);
        let client = Client::connect(address).await?;
        let client = client.timeout(Duration::from_secs(1));
        let degrees = client.degrees(1, &[2], DegreesOptions::default()).await;
        degrees.map(drop)
    };
    Answers {
        livez: page("/livez").await.map(|(status, _)| status),
        readyz: page("/readyz").await,
        health: health.await,
        call: call
            .await
            .map_or_else(|error: Error| error.code(), |()| Code::Ok),
    }
}

impl Answers {
    fn print(&self, state: &str) {
        let none = "none".to_owned();
        let livez = self.livez.map_or(none.clone(), |status| status.to_string());
        let readyz = self.readyz.as_ref();
        let readyz = readyz.map_or(none.clone(), |(status, text)| format!("{status} {text:?}"));
        let health = self.health.map_or(none, |health| format!("{health:?}"));
        println!(
            "| {state} | {livez} | {readyz} | {health} | {:?} |",
            self.call
        );
    }

    #[track_caller]
    fn check(&self, readyz: (u16, &str), health: ServingStatus, call: Code) {
        assert_eq!(self.livez, Some(200), "{self:?}");
        let (status, text) = self.readyz.clone().expect("an answer");
        assert_eq!(status, readyz.0, "{self:?}");
        assert!(text.starts_with(readyz.1), "{self:?}");
        assert_eq!((self.health, self.call), (Some(health), call), "{self:?}");
    }
}

fn heading() {
    println!("| state | /livez | /readyz | health | GetDegrees |\n|---|---|---|---|---|");
}

/// Writes a log of windows for the site in a folder, as an earlier run of its server left it.
fn write_log(folder: &Path, windows: usize) {
    let inspected = loader::inspect::inspect(&folder.join("snapshot")).expect("a snapshot");
    let lineage = inspected.manifest.lineage_id;
    let log = Log::open(&folder.join("log"), lineage, LogOptions::default()).expect("a log");
    for window in 0..windows as u64 {
        let changes = (0..CHANGES as u64).map(|number| {
            let number = window * CHANGES as u64 + number;
            connection_added(1 + number % 50_000, 50_001 + number / 50_000)
        });
        let window = databus::Window {
            changes: changes.collect(),
            ..Default::default()
        };
        log.append_blocking(window).expect("a window");
    }
    log.close().expect("it is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_replays_says_how_far_it_is_from_its_first_moment() {
    let windows = rounds(300, 5_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let path = folder.path().to_owned();
    let written = tokio::task::spawn_blocking(move || write_log(&path, windows));
    written.await.expect("no panic");
    let mut server = Served::spawn(Kind::GraphServer, folder.path(), &[], &[], SOUND);
    server.readiness();
    heading();
    let replaying = format!("starting: replaying the log to SCN {windows}: graph at ");
    let replayed_to = |text: &String| -> Option<u64> {
        let rest = text.strip_prefix(&replaying)?;
        rest.split([',', '\n']).next()?.parse().ok()
    };
    let (mut seen, mut tenths): (Vec<String>, u64) = (Vec::new(), 0);
    loop {
        let answers = ask(&server).await;
        let (status, text) = answers.readyz.clone().expect("the admin listener answers");
        if status == 200 {
            break;
        }
        // The start may have ended between two of the questions.
        if answers.health == Some(ServingStatus::NotServing) && answers.call != Code::Ok {
            answers.check(
                (503, "starting: "),
                ServingStatus::NotServing,
                Code::Unavailable,
            );
        }
        // A row for each stage, and for each tenth of the replay.
        let replayed = replayed_to(&text);
        let is_next = replayed.is_none_or(|scn| 10 * scn >= tenths * windows as u64);
        if seen.last() != Some(&text) && is_next {
            tenths += u64::from(replayed.is_some());
            answers.print(&format!("starting on {} changes", windows * CHANGES));
        }
        seen.push(text);
    }
    let replayed: Vec<u64> = seen.iter().filter_map(replayed_to).collect();
    assert!(replayed.is_sorted(), "{replayed:?}");
    assert!(!replayed.is_empty(), "{seen:?}");
    let answers = ask(&server).await;
    answers.print("serving");
    answers.check((200, "ok\n"), ServingStatus::Serving, Code::Ok);
    assert!(server.terminate().status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_waits_for_its_relay_answers_and_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let [away, _] = free_addresses();
    let away = format!("http://{away}");
    let flags = ["--databus", away.as_str()];
    let spawn = || Served::spawn(Kind::GraphServer, folder.path(), &[], &flags, SOUND);
    heading();
    for signal in [Signal::TERM, Signal::INT] {
        let server = spawn();
        let answers = until("it waits for the relay", async || {
            let answers = ask(&server).await;
            let (_, text) = answers.readyz.as_ref()?;
            text.contains("waiting for the relay").then_some(answers)
        })
        .await;
        answers.print("waiting for a relay");
        let why = format!("starting: waiting for the relay: the relay at {away} is not followed: ");
        answers.check((503, &why), ServingStatus::NotServing, Code::Unavailable);
        let (status, page) = http::get(&server.admin, "/metrics").expect("it answers");
        assert_eq!(
            (status, page.contains("cloud_serving 0")),
            (200, true),
            "{page}"
        );
        let status = server.cloudctl(&["status"]);
        assert_eq!(status.status.code(), Some(1), "{status:?}");
        assert!(
            status.stderr.contains("waiting for the relay"),
            "{status:?}"
        );
        server.process.signal(Signal::HUP);
        server.process.signal(signal);
        let ended = server.process.wait();
        assert!(ended.status.success(), "{ended:?}");
    }
    // Once the relay is there, the start goes on.
    let mut server = spawn();
    assert_eq!(server.readiness().0, 503);
    let relay = tempfile::tempdir().expect("a temporary folder");
    let inspected = loader::inspect::inspect(&folder.path().join("snapshot"));
    let lineage = inspected
        .expect("a snapshot")
        .manifest
        .lineage_id
        .to_string();
    let listen = away.trim_start_matches("http://");
    let [admin, _] = free_addresses();
    let listeners = ["--listen", listen, "--admin-listen", &admin];
    let flags = [&listeners[..], &["--lineage", &lineage]].concat();
    let log = relay.path().join("log");
    let log = ["serve", "--log", log.to_str().expect("UTF-8")];
    let relay = Process::spawn(
        &[],
        &super::program("databus"),
        &[&log, &flags[..]].concat(),
        SOUND,
    );
    server.until_ready();
    ask(&server).await.print("following the relay");
    assert!(server.terminate().status.success());
    relay.signal(Signal::TERM);
    assert!(relay.wait().status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_drains_still_answers_its_probes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let flags = ["--drain-timeout-ms", "60s", "--wait-ms-max", "3s"];
    let mut server = Served::spawn(Kind::GraphServer, folder.path(), &[], &flags, SOUND);
    server.until_ready();
    let client = Client::connect(format!("http://{}", server.public)).await;
    let client = client.expect("it serves").without_timeout();
    let mut later = client
        .network_sizes(1, false)
        .await
        .expect("an answer")
        .as_of;
    later.as_mut().expect("a point").scn += 1;
    // This read waits for a change that never comes.
    let waits = client.at_least(later.expect("a point"));
    let waits = tokio::spawn(async move { waits.network_sizes(1, false).await });
    until("the read waits", async || {
        let (_, page) = http::get(&server.admin, "/metrics").ok()?;
        let mut lines = page.lines();
        lines.find(|line| {
            line.starts_with("cloud_rpc_in_flight{rpc=\"cloud.v1.NetworkService/GetNetworkSizes\"")
                && line.ends_with(" 1")
        })?;
        Some(())
    })
    .await;
    server.process.signal(Signal::TERM);
    let answers = until("it drains", async || {
        let answers = ask(&server).await;
        let (status, _) = answers.readyz.as_ref()?;
        (*status == 503).then_some(answers)
    })
    .await;
    heading();
    answers.print("draining");
    answers.check(
        (503, "shutting down"),
        ServingStatus::NotServing,
        Code::Unavailable,
    );
    // New connections to the public listener are refused, so that a balancer takes another server.
    assert!(TcpStream::connect(&server.public).is_err());
    let status = server.cloudctl(&["status"]);
    assert!(status.stderr.contains("shutting down"), "{status:?}");
    let outcome = waits.await.expect("no panic");
    assert_eq!(
        outcome.map_err(|error| error.code()).err(),
        Some(Code::Unavailable)
    );
    assert!(server.process.wait().status.success());
}

/// Fills the public listener with connections that say hello and nothing more.
fn fill(server: &Served, connections: usize) -> Vec<TcpStream> {
    use std::io::Write as _;
    let address = server.public.parse().expect("an address");
    let connect = |_| {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10));
        let mut stream = stream.ok()?;
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .ok()?;
        Some(stream)
    };
    (0..connections).filter_map(connect).collect()
}

/// Fills a server's public listener, and checks that its admin listener does everything.
async fn check_full(kind: Kind, limit: &str, flags: &[&str], connections: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let script = format!("{limit} && exec \"$@\"");
    let wrapper = ["sh", "-c", &script, "sh"];
    let mut server = Served::spawn(kind, folder.path(), &wrapper, flags, SOUND);
    server.until_ready();
    let idle = fill(&server, connections);
    let state = format!("{kind:?}, {limit}, {} idle connections", idle.len());
    let is_full = async || {
        let client = Client::connect(format!("http://{}", server.public)).await;
        let asked = client
            .expect("it listens")
            .timeout(Duration::from_millis(500));
        let degrees = asked.degrees(1, &[2], DegreesOptions::default()).await;
        matches!(degrees, Err(Error::Deadline(_)))
    };
    until("the public listener is full", async || {
        is_full().await.then_some(())
    })
    .await;
    let answers = ask(&server).await;
    answers.print(&state);
    answers.check(
        (200, "ok\n"),
        ServingStatus::Serving,
        Code::DeadlineExceeded,
    );
    let admin = cloud_client::Admin::connect(format!("http://{}", server.admin)).await;
    let admin = admin.expect("the admin listener answers");
    for other in 0..200 {
        let window = Window::of([connection_added(1, 10 + other)]);
        admin.publish(window).await.expect("the log takes windows");
    }
    if kind == Kind::GraphServer {
        admin.take_snapshot(None).await.expect("a snapshot");
        assert_eq!(admin.status().await.expect("a status").members, 204);
    }
    assert_eq!(http::get(&server.admin, "/metrics").expect("a page").0, 200);
    drop(idle);
    until("the public listener has room", async || {
        (!is_full().await).then_some(())
    })
    .await;
    let ended = server.terminate();
    assert!(ended.status.success(), "{ended:?}");
    assert!(!ended.stderr.contains("was not accepted"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_public_listener_leaves_the_admin_listener_the_log_and_the_files_alone() {
    heading();
    // A segment is full after some windows, so that the log opens files too.
    let small = ["--log-segment-bytes", "4KiB"];
    for kind in [Kind::GraphServer, Kind::Relay] {
        for (limit, connections) in [("ulimit -n 128", 120), ("ulimit -n 300", 200)] {
            check_full(kind, limit, &small, connections).await;
        }
        let few = [&small[..], &["--connections-max", "8"]].concat();
        check_full(kind, "ulimit -n 1024", &few, 20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_soft_limit_of_descriptors_is_raised() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    for (kind, soft) in [
        (Kind::GraphServer, 64),
        (Kind::GraphServer, 256),
        (Kind::Relay, 64),
    ] {
        let script = format!("ulimit -S -n {soft} && exec \"$@\"");
        let wrapper = ["sh", "-c", &script, "sh"];
        let mut server = Served::spawn(kind, folder.path(), &wrapper, &[], SOUND);
        server.until_ready();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.process.id()));
        let limits = limits.expect("it runs");
        let files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let files: Vec<_> = files.expect("a limit").split_whitespace().collect();
        assert_eq!(files[3], files[4], "{files:?}");
        let idle = fill(&server, 400);
        assert_eq!(idle.len(), 400);
        // All are open, and there is room for more.
        ask(&server).await.check(
            (200, "ok\n"),
            ServingStatus::Serving,
            match kind {
                Kind::GraphServer => Code::Ok,
                Kind::Relay => Code::Unimplemented,
            },
        );
        drop(idle);
        assert!(server.terminate().status.success());
        std::fs::remove_dir_all(folder.path().join("log")).expect("the log");
    }
}
