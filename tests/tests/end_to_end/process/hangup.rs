//! SIGHUP: it sets the level of the log, and never ends a server.

use super::small_site;
use cloud_tests::process::{Kind, SOUND, Served, Signal, Stream, Streams};
use cloud_tests::until::until;
use std::fs;

/// Waits until the log says this many times that SIGHUP was handled so.
async fn says(server: &Served, times: usize, text: &str) {
    let what = format!("{times} x {text:?}");
    until(&what, async || {
        let found = server.process.stderr().matches(text).count();
        (found >= times).then_some(())
    })
    .await;
}

#[tokio::test]
async fn sighup_sets_the_level_from_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let file = folder.path().join("site.toml");
    let write = |text: &str| fs::write(&file, text).expect("a file");
    write("log-level = \"warn\"\nlog-format = \"json\"\n");
    let config = ["--config", file.to_str().expect("UTF-8")];
    let mut server = Served::spawn(Kind::GraphServer, folder.path(), &[], &config, SOUND);
    server.until_ready();
    assert!(!server.process.stderr().contains("INFO"));
    write("log-level = \"info\"\nlog-format = \"json\"\n");
    server.process.signal(Signal::HUP);
    says(&server, 1, "\"level\":\"INFO\"").await;
    // A file with an error, or without a file, leaves the level.
    for (times, text) in [(1, "log-level = \"no=such=level\"\n"), (2, "[[[\n")] {
        write(text);
        server.process.signal(Signal::HUP);
        says(&server, times, "the level of the log stays").await;
    }
    fs::remove_file(&file).expect("the file");
    server.process.signal(Signal::HUP);
    says(&server, 3, "the level of the log stays").await;
    write("log-level = \"error\"\n");
    server.process.signal(Signal::HUP);
    let published = server.cloudctl(&["connect", "1", "3"]);
    assert!(published.status.success(), "{published:?}");
    let ended = server.terminate();
    assert!(ended.status.success(), "{ended:?}");
    assert!(!ended.stderr.contains("shutting down"), "{ended:?}");
}

#[tokio::test]
async fn a_flag_wins_at_sighup_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let file = folder.path().join("site.toml");
    fs::write(&file, "log-level = \"error\"\n").expect("a file");
    let path = file.to_str().expect("UTF-8");
    let flags = ["--config", path, "--log-level", "info"];
    let mut server = Served::spawn(Kind::GraphServer, folder.path(), &[], &flags, SOUND);
    server.until_ready();
    server.process.signal(Signal::HUP);
    says(&server, 1, "the level of the log is set").await;
    assert!(server.terminate().stderr.contains("shutting down"));
}

#[tokio::test]
async fn sighup_ends_no_server_at_any_time() {
    for kind in [Kind::GraphServer, Kind::Relay] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        small_site(folder.path());
        let streams = Streams {
            stderr: Stream::Sound,
            ..SOUND
        };
        let mut server = Served::spawn(kind, folder.path(), &[], &[], streams);
        // The first answer comes during the start.
        server.readiness();
        for _ in 0..100 {
            server.process.signal(Signal::HUP);
        }
        server.until_ready();
        server.process.signal(Signal::HUP);
        says(&server, 1, "the level of the log is set").await;
        // During the shutdown too.
        server.process.signal(Signal::TERM);
        while !server.process.has_ended() {
            server.process.signal(Signal::HUP);
        }
        let ended = server.process.wait();
        assert!(ended.status.success(), "{ended:?}");
    }
}
