//! graph-server as operators run it: a file and flags, errors in them, and the log that it writes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cloud_tests::binaries::binary;
use cloud_tests::model::Model;
use cloud_tests::server::Server;
use cloud_tests::site;
use loader::inspect::{Inspection, inspect};
use serde_json::Value;

fn graph_server(arguments: &[&str]) -> Output {
    Command::new(binary("graph-server"))
        .args(arguments)
        .output()
        .expect("the server's binary starts")
}

#[test]
fn a_file_and_flags_come_to_one_configuration() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("site.toml");
    let file = path.to_str().expect("UTF-8");
    let sections = "[limits]\nview-cache-bytes-max = \"1GiB\"\nheavy-threads = 3\n";
    fs::write(
        &path,
        format!("snapshot = \"s\"\ndatabus = \"embedded:l\"\n{sections}"),
    )
    .expect("a file");
    let output = graph_server(&["config", "--config", file, "--heavy-threads", "2"]);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success());
    for line in [
        "snapshot = \"s\"",
        "listen = \"127.0.0.1:50051\"",
        "view-cache-bytes-max = \"1GiB\"",
        "heavy-threads = 2",
    ] {
        assert!(
            printed.lines().any(|found| found == line),
            "no {line} in\n{printed}"
        );
    }
    fs::write(&path, &printed).expect("a file");
    let again = graph_server(&["config", "--config", file]);
    assert_eq!(String::from_utf8(again.stdout).expect("UTF-8"), printed);
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_is_opened() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("site.toml");
    let file = path.to_str().expect("UTF-8");
    let check = |text: &str, flags: &[&str], expected: &str| {
        fs::write(&path, text).expect("a file");
        for command in ["serve", "config"] {
            let output = graph_server(&[&[command, "--config", file], flags].concat());
            let said = String::from_utf8_lossy(&output.stderr).replace(file, "FILE");
            assert_eq!(said, format!("graph-server: {expected}\n"));
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        }
    };
    check(
        "\nlisten-at = 1\n",
        &[],
        "FILE:2: unknown key `listen-at`: is `listen` meant, before any section?",
    );
    check("", &["--databus", "embedded:l"], "snapshot: must be given");
    let site = ["--snapshot", "s", "--databus", "embedded:l"];
    check(
        "[limits]\nheavy-threads = 0\n",
        &site,
        "heavy-threads: is 0, and must be 1 to 1024",
    );
    check(
        "log-level = \"loud=x\"\n",
        &site,
        "log-level: `loud=x` is not a log filter: error parsing level filter: expected one of \
         \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5",
    );
}

#[test]
fn the_log_is_an_object_a_line_when_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut model = Model::default();
    model.add_member(1);
    model.add_member(2);
    model.connect(1, 2, 1_000);
    site::build(&model, folder.path());
    let path = folder.path().join("site.toml");
    fs::write(&path, "log-format = \"json\"\n").expect("a file");
    let flags = ["--config", path.to_str().expect("UTF-8")];
    let server = Server::try_start(folder.path(), &flags).unwrap_or_else(|log| panic!("{log}"));
    assert!(server.terminate().success());
    let log = fs::read_to_string(folder.path().join("server.log")).expect("the log");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(
        lines.iter().any(|line| line["message"] == "shutting down"),
        "{log}"
    );
    assert!(lines.iter().all(|line| line["level"] == "INFO"), "{log}");
}

/// The test runs with members files and without. The second snapshot has more nodes than the first
/// one has profiles.
#[test]
fn a_snapshot_that_a_server_took_passes_inspection() {
    for files in [
        ["--members", "members.csv", "--connections", "pairs.csv"].as_slice(),
        &["--connections", "pairs.csv"],
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("members.csv", "member_id\n1\n2\n3\n").expect("a file");
        write("pairs.csv", "member_id,other_id\n1,2\n2,3\n").expect("a file");
        site::load(folder.path(), files, &[]);
        let first = inspect(&folder.path().join("snapshot")).expect("a whole snapshot");
        assert_eq!(first.is_silent, !files.contains(&"--members"));

        let server = Server::start(folder.path());
        let admin = server.admin().trim_start_matches("http://").to_owned();
        for arguments in [["connect", "3", "4", "--create"].as_slice(), &["snapshot"]] {
            let done = Command::new(binary("cloudctl"))
                .env("CLOUD_SERVER", server.public())
                .env("CLOUD_ADMIN", &admin)
                .args(arguments)
                .output()
                .expect("cloudctl's binary starts");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{arguments:?}: {said}");
        }
        assert!(server.terminate().success());

        let taken = inspect(&folder.path().join("snapshot")).expect("a whole snapshot");
        assert_ne!(taken.snapshot, first.snapshot);
        assert_eq!((first.manifest.members, taken.manifest.members), (3, 4));
        assert_eq!(taken.is_silent, first.is_silent);
        let of_people = |inspection: &Inspection| {
            let files = inspection.manifest.files.iter();
            let is_linked = |name: &str| name == "profiles.bin" || name.starts_with("search/");
            let linked = files.filter(|file| is_linked(&file.name)).cloned();
            linked.collect::<Vec<_>>()
        };
        assert_eq!(of_people(&taken), of_people(&first));
    }
}

/// Runs a program that is to end with an error, and returns what it says.
#[track_caller]
fn refused(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(binary(program)).args(arguments).output();
    let output = output.expect("the binary starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[test]
fn wrong_folders_and_addresses_are_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, missing, empty) = (path("file"), path("missing"), path("empty"));
    fs::write(&file, "x").expect("a file");
    fs::create_dir(&empty).expect("a folder");
    let (log_in_file, log) = (
        format!("embedded:{file}"),
        format!("embedded:{}", path("log")),
    );
    let built = path("built");
    fs::create_dir(&built).expect("a folder");
    let mut model = Model::default();
    model.add_member(1);
    site::build(&model, built.as_ref());
    let site = format!("{built}/snapshot");
    let serve = |snapshot: &str, databus: &str, listen: &str| {
        let arguments = [
            "serve",
            "--snapshot",
            snapshot,
            "--databus",
            databus,
            "--listen",
            listen,
            "--admin-listen",
            "127.0.0.1:0",
        ];
        refused("graph-server", &arguments)
    };
    let relay = |arguments: &[&str]| {
        let ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        refused("databus", &[&["serve"], arguments, &ports].concat())
    };
    let any = "127.0.0.1:0";
    for (said, expected) in [
        (serve(&missing, &log, any), "`loader build --out` wrote"),
        (serve(&file, &log, any), "is not a directory"),
        (serve(&empty, &log, any), "build one with `loader build`"),
        (serve(&site, &log_in_file, any), "ot a directory"),
        (serve(&empty, "log", any), "write embedded:DIR"),
        (serve(&empty, "embedded:", any), "write embedded:DIR"),
        (
            serve(&empty, "https://localhost:1", any),
            "do not speak TLS yet",
        ),
        (serve(&empty, "http://localhost", any), "has no port"),
        (serve(&empty, "kafka://localhost:1", any), "write HOST:PORT"),
        (serve(&empty, &log, ":50051"), "write 127.0.0.1:50051"),
        (serve(&empty, &log, "50051"), "has no port"),
        (serve(&empty, &log, "::1:50051"), "in brackets"),
        (relay(&["--log", &path("new")]), "no log here"),
        (
            relay(&["--log", &path("new"), "--snapshot", &empty]),
            "holds no snapshot",
        ),
        (
            relay(&["--log", &path("new"), "--snapshot", &path("none")]),
            "No such file",
        ),
        (
            relay(&["--log", &file, "--lineage", &"0".repeat(32)]),
            "ot a directory",
        ),
        (refused("loader", &["inspect", &missing]), "No such file"),
        (refused("loader", &["inspect", &empty]), "no snapshot"),
        (refused("loader", &["inspect", &file]), "ot a directory"),
        (refused("databus", &["dump", &missing]), "No such file"),
        (refused("databus", &["dump", &empty]), "no log here"),
        (refused("databus", &["dump", &file]), "ot a directory"),
        (
            refused("databus", &["backup", &empty, &path("copy")]),
            "no log here",
        ),
        (refused("graph-server", &["serve"]), "must be given"),
    ] {
        assert!(said.contains(expected), "no {expected:?} in {said}");
        assert!(said.len() < 1024 && !said.contains("panicked"), "{said}");
    }
    assert!(!Path::new(&path("new")).exists(), "a misspelled folder");
    // What can be meant is taken.
    for (listen, taken) in [("localhost:7", "127.0.0.1:7"), ("[::1]:7", "[::1]:7")] {
        let arguments = ["config", "--snapshot", "s", "--databus", "embedded:l"];
        let output = graph_server(&[&arguments[..], &["--listen", listen]].concat());
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        let line = format!("\nlisten = \"{taken}\"\n");
        assert!(printed.contains(&line), "{printed}");
    }
    let help = graph_server(&["serve", "--help"]).stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    let usage = "Usage: graph-server serve --snapshot <DIR> --databus <LOG> [OPTIONS]";
    assert!(help.contains(usage), "{help}");
}

#[test]
fn a_relay_reads_the_lineage_of_a_site() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut model = Model::default();
    model.add_member(1);
    site::build(&model, folder.path());
    let snapshots = folder.path().join("snapshot");
    let lineage = site::lineage(&snapshots);
    let relay = Server::relay_of(folder.path(), &snapshots);
    let follower = Server::try_follow(folder.path(), relay.public(), &[]);
    let follower = follower.unwrap_or_else(|log| panic!("{log}"));
    // The relay takes the change, and the follower knows the members.
    let ctl = |admin: &str, arguments: &[&str]| {
        let mut command = Command::new(binary("cloudctl"));
        command
            .env("CLOUD_SERVER", follower.public())
            .env("CLOUD_ADMIN", admin);
        command
            .args(arguments)
            .output()
            .expect("cloudctl's binary starts")
    };
    let refused = ctl(relay.admin(), &["connect", "1", "404"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("there is no member 404"), "{said}");
    let created = ctl(
        relay.admin(),
        &["--json", "connect", "1", "404", "--create"],
    );
    let created: Value = serde_json::from_slice(&created.stdout).expect("JSON");
    let point = created["as_of"]["point"].as_str().expect("a point");
    let seen = ["degrees", "--viewer", "1", "404", "--at-least", point];
    assert!(ctl(follower.admin(), &seen).status.success());
    let taken = ctl(follower.admin(), &["snapshot"]);
    assert!(taken.status.success(), "{taken:?}");
    assert!(follower.terminate().success() && relay.terminate().success());
    let mut dump = Command::new(binary("databus"));
    let dump = dump
        .args(["dump", "--count"])
        .arg(folder.path().join("log"));
    let dumped = dump.output().expect("databus runs");
    let said = String::from_utf8_lossy(&dumped.stdout);
    assert!(said.contains(&format!("lineage   {lineage}")), "{said}");

    // Its log is lost: the snapshot begins another one, which the relay creates.
    fs::remove_dir_all(folder.path().join("log")).expect("a log");
    let adopt = ["adopt", "--new-log", "--snapshot"];
    let adopted = Command::new(binary("loader"))
        .args(adopt)
        .arg(&snapshots)
        .output();
    assert!(adopted.expect("loader runs").status.success());
    let relay = Server::relay_of(folder.path(), &snapshots);
    let follower = Server::try_follow(folder.path(), relay.public(), &[]);
    let follower = follower.unwrap_or_else(|log| panic!("{log}"));
    assert!(follower.terminate().success() && relay.terminate().success());
}
