//! A site that an earlier version left on disk: this version gives the same answers, and goes on.
//!
//! `tests/fixtures/README.md` describes the content of a fixture and how it is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_tests::binaries::binary;
use cloud_tests::cloudctl::json_of;
use cloud_tests::server::Server;
use cloud_tests::site;
use serde_json::Value;

/// The versions whose files are kept.
const FIXTURES: [&str; 1] = ["2026-11"];

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(file)
}

/// Returns a copy of the site that the test may change.
fn unpack(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(fixture(&format!("{name}.tar.gz")))
        .arg("-C")
        .arg(folder.path())
        .status()
        .expect("tar runs");
    assert!(unpacked.success(), "tar: {unpacked}");
    folder
}

/// Returns the lines of a recording, each a JSON value.
fn recorded(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(fixture(file)).expect("a recording");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Sends every recorded request, each as of the point at which it was answered.
fn check_answers(server: &Server, name: &str) {
    for line in recorded(&format!("{name}.answers.jsonl")) {
        let (question, expected) = (&line["question"], &line["answer"]);
        let as_of = &expected["as_of"];
        let point = format!(
            "{}@{}",
            as_of["scn"],
            as_of["log_id"].as_str().expect("a log")
        );
        let words = question.as_array().expect("a list of words");
        let words = words.iter().map(|word| word.as_str().expect("a word"));
        let arguments: Vec<&str> = ["--at-least", &point].into_iter().chain(words).collect();
        check_same(
            expected,
            &json_of(server, &arguments),
            &question.to_string(),
        );
    }
}

/// Checks that everything that was recorded is present and equal. A later version may print more
/// fields.
fn check_same(recorded: &Value, now: &Value, place: &str) {
    match (recorded, now) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, field) in fields {
                check_same(field, &now[name], &format!("{place}.{name}"));
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            assert_eq!(
                items.len(),
                others.len(),
                "{place}: {recorded} is now {now}"
            );
            for (number, (item, other)) in items.iter().zip(others).enumerate() {
                check_same(item, other, &format!("{place}[{number}]"));
            }
        }
        _ => assert_eq!(recorded, now, "{place}"),
    }
}

/// Checks that the site accepts changes, takes a snapshot, ends in order, and starts again with all
/// of it.
fn check_goes_on(folder: &Path, server: Server) {
    let connected = json_of(&server, &["connect", "2", "90002"])["as_of"].clone();
    let snapshot = json_of(&server, &["snapshot"]);
    assert_eq!(snapshot["scn"], connected["scn"]);
    assert!(server.terminate().success(), "SIGTERM ends the server well");
    let server = Server::start(folder);
    let degrees = json_of(&server, &["degrees", "--viewer", "2", "90002"]);
    assert_eq!(degrees["as_of"], connected);
    assert_eq!(degrees["degrees"][0]["degree"], "first");
}

#[test]
fn a_site_of_an_earlier_version_answers_the_same() {
    for name in FIXTURES {
        let folder = unpack(name);
        let server = Server::start(folder.path());
        check_answers(&server, name);
        check_goes_on(folder.path(), server);
    }
}

#[test]
fn an_earlier_snapshot_without_its_overlay_and_live_stores_answers_the_same() {
    for name in FIXTURES {
        let folder = unpack(name);
        let snapshots = folder.path().join("snapshot");
        for entry in fs::read_dir(&snapshots).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_overlay = path.extension().is_some_and(|extension| extension == "bin");
            if is_overlay {
                fs::remove_file(&path).expect("an overlay");
            }
        }
        fs::remove_dir_all(snapshots.join("live")).expect("the live stores");
        let server = Server::start(folder.path());
        check_answers(&server, name);
        check_goes_on(folder.path(), server);
    }
}

#[test]
fn an_earlier_log_replayed_on_the_loader_s_snapshot_answers_the_same() {
    for name in FIXTURES {
        let folder = unpack(name);
        let first = format!("snapshot/{:020}", 0);
        let fresh = folder.path().join("fresh");
        site::copy(&folder.path().join(&first), &fresh.join(&first));
        site::copy(&folder.path().join("log"), &fresh.join("log"));
        let server = Server::start(&fresh);
        check_answers(&server, name);
        check_goes_on(&fresh, server);
    }
}

#[test]
fn an_earlier_log_and_snapshot_are_whole_and_print_the_same() {
    for name in FIXTURES {
        let folder = unpack(name);
        let run = |program: &str, arguments: &[&str]| -> String {
            let output = Command::new(binary(program))
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .expect("the binary starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {said}");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        run("loader", &["inspect", "snapshot"]);
        run("databus", &["dump", "--verify", "log"]);
        let printed: Vec<Value> = run("databus", &["dump", "--json", "log"])
            .lines()
            .map(|line| serde_json::from_str(line).expect("an object a line"))
            .collect();
        let windows = recorded(&format!("{name}.windows.jsonl"));
        assert_eq!(printed.len(), windows.len());
        for (window, printed) in windows.iter().zip(&printed) {
            check_same(window, printed, &format!("window {}", window["scn"]));
        }
    }
}
