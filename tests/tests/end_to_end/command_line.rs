//! cloudctl as used by a script: one JSON object on stdout, and exit codes by kind of answer.
//!
//! Ids are numbers in the JSON.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use cloud_tests::binaries::binary;
use cloud_tests::cloudctl::{cloudctl, json_of};
use cloud_tests::model::Model;
use cloud_tests::server::Server;
use cloud_tests::site;
use serde_json::{Value, json};

const HUGE: u64 = 9_007_199_254_740_993; // 2^53 + 1, which a double cannot hold
const NOBODY: u64 = 404;

/// Returns a site with the connections 1 - 2 - 3 - HUGE, and member 5 without connections.
fn small_site() -> Model {
    let mut model = Model::default();
    for (id, name, headline) in [
        (1, "Ada", "engineer"),
        (2, "Ben", "pilot"),
        (3, "Cy", "engineer"),
        (HUGE, "Dee", "cook"),
    ] {
        let profile = &mut model.add_member(id).profile;
        profile.given_name = name.to_owned();
        profile.display_name = name.to_owned();
        profile.headline = headline.to_owned();
    }
    model.add_member(5);
    model.connect(1, 2, 1_000);
    model.connect(2, 3, 2_000);
    model.connect(3, HUGE, 3_000);
    model
}

#[test]
fn scripts_get_json_and_exit_codes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&small_site(), folder.path());
    let server = Server::start(folder.path());
    let huge = HUGE.to_string();

    let answer = json_of(
        &server,
        &[
            "degrees", "--viewer", "1", "2", "3", &huge, "5", "1", "404", "--shared", "--path",
        ],
    );
    let column = |name: &str| -> Vec<Value> {
        answer["degrees"]
            .as_array()
            .expect("degrees")
            .iter()
            .map(|line| line[name].clone())
            .collect()
    };
    assert_eq!(
        column("member_id"),
        [2, 3, HUGE, 5, 1, NOBODY].map(Value::from)
    );
    assert_eq!(
        column("degree"),
        [
            "first",
            "second",
            "third",
            "out_of_network",
            "self",
            "unknown"
        ]
        .map(Value::from)
    );
    assert_eq!(column("path")[2], json!([1, 2, 3, HUGE]));
    assert_eq!(column("shared_count")[1], 1);

    let sizes = json_of(&server, &["sizes", "--viewer", "1", "--third"]);
    assert_eq!(
        (&sizes["first"], &sizes["second"], &sizes["third"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let connections = json_of(&server, &["connections", "3"]);
    assert_eq!(connections["total"], 2);
    assert_eq!(connections["connections"][0]["member_id"], HUGE);
    assert_eq!(
        json_of(&server, &["shared", "--viewer", "1", "3"])["members"][0]["member_id"],
        2
    );
    let network = json_of(&server, &["network", "--viewer", "1", "--degree", "3"]);
    assert_eq!(
        (&network["total"], &network["members"][0]["member_id"]),
        (&json!(1), &json!(HUGE))
    );
    let all = ["network", "--viewer", "1", "--degree", "3", "--all"];
    assert_eq!(json_of(&server, &all)["members"], network["members"]);
    let members = ["subgraph", "--viewer", "1", &huge, "3", "1", "2", "404"];
    let subgraph = json_of(&server, &members);
    let ends = |place: usize| {
        let found = &subgraph["connections"][place];
        [
            &found["member_id"],
            &found["other_id"],
            &found["connected_at"],
        ]
        .map(Value::to_string)
    };
    let huge_end = ["3", huge.as_str(), "\"1970-01-01T00:00:03Z\""];
    assert_eq!(ends(0)[..2], ["1", "2"]);
    assert_eq!(ends(2), huge_end);
    assert_eq!(subgraph["unknown_member_ids"], json!([NOBODY]));
    let paths = json_of(&server, &["paths", "--viewer", "1", &huge]);
    assert_eq!(
        (&paths["distance"], &paths["total"], &paths["paths"]),
        (&json!(3), &json!(1), &json!([[1, 2, 3, HUGE]]))
    );
    let none = json_of(
        &server,
        &["paths", "--viewer", "1", &huge, "--max-degree", "2"],
    );
    assert_eq!(
        (&none["distance"], &none["paths"]),
        (&Value::Null, &json!([]))
    );
    let suggested = json_of(&server, &["suggest", "--viewer", "1"]);
    assert_eq!(
        (
            &suggested["suggestions"][0]["name"],
            &suggested["suggestions"][0]["shared_count"]
        ),
        (&json!("Cy"), &json!(1))
    );
    let begun = json_of(&server, &["session", "begin", "--viewer", "1"]);
    let session = begun["session"].as_str().expect("a name");
    for open in [1, 0] {
        assert_eq!(json_of(&server, &["status"])["views"]["sessions"], open);
        json_of(&server, &["session", "end", session]);
    }
    let search = json_of(
        &server,
        &[
            "search",
            "--viewer",
            "1",
            "headline:engineer",
            "--degrees",
            "1,2",
        ],
    );
    assert_eq!(
        (&search["total"], &search["hits"][0]["member_id"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        json_of(&server, &["profile", &huge])["profiles"][0]["profile"]["member"]["given_name"],
        "Dee"
    );

    // A change, and a read that sees it.
    let made = json_of(&server, &["connect", "1", "5"]);
    let scn = made["as_of"]["scn"].as_u64().expect("an SCN");
    let point = format!("{scn}@{}", made["as_of"]["log_id"].as_str().expect("a log"));
    let degrees = json_of(
        &server,
        &["degrees", "--viewer", "1", "5", "--at-least", &point],
    );
    assert_eq!(degrees["degrees"][0]["degree"], "first");
    json_of(&server, &["disconnect", "1", "5"]);
    reads_from_each_side(&server);
    assert_eq!(json_of(&server, &["status"])["connections"], 3);
    let taken = json_of(&server, &["snapshot"]);
    assert_eq!(
        (&taken["connections"], taken["scn"].as_u64() > Some(scn)),
        (&json!(3), true)
    );
    let status = json_of(&server, &["status"]);
    assert_eq!(status["snapshot"]["scn"], taken["scn"]);
    assert_eq!(status["compaction"]["completed"], 1);
    watch_prints_both_changes(&server, scn);

    let exits: [(&[&str], i32); 21] = [
        (&["degrees", "--viewer", "1", "404", "405"], 1),
        (&["profile", "404", "405"], 1),
        (&["connect", "1", "404"], 1),
        (&["connect", "404", "1"], 1),
        (&["connect", "1"], 2),
        (&["backup"], 2),
        (&["backup", "/proc/none/backup"], 1),
        (&["--server", ":50051", "sizes", "--viewer", "1"], 2),
        (
            &[
                "--server",
                "https://localhost:50051",
                "sizes",
                "--viewer",
                "1",
            ],
            2,
        ),
        (&["--admin", "grpc://localhost:50052", "status"], 2),
        (&["--timeout", "5 weeks", "status"], 2),
        (&["degrees", "--viewer", "404", "1"], 1),
        (&["degrees", "--viewer", "0", "1"], 1),
        (&["search", "--viewer", "1", "title:("], 1),
        (&["degrees", "1"], 2),
        (&["search", "--viewer", "1", "--degrees", "4"], 2),
        (&["network", "--viewer", "1", "--degree", "out"], 2),
        (&["paths", "--viewer", "1", "404"], 1),
        (&["session", "end", "nonsense"], 1),
        (
            &[
                "--server",
                "127.0.0.1:1",
                "status",
                "--admin",
                "127.0.0.1:1",
            ],
            3,
        ),
        (
            &[
                "degrees",
                "--viewer",
                "1",
                "2",
                "--at-least",
                &format!("{}@{}", scn + 9, &point[point.len() - 32..]),
                "--timeout",
                "100ms",
            ],
            4,
        ),
    ];
    for (arguments, code) in exits {
        let output = cloudctl(&server, arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        assert!(!output.stderr.is_empty(), "{arguments:?} says why");
    }
}

/// Reads a profile and connections as a visitor, as a member, and from the site's own side.
fn reads_from_each_side(server: &Server) {
    for side in [&[][..], &["--viewer", "1"], &["--site"]] {
        let fields = ["profile", "3", "--fields", "display_name,positions.title"];
        let answer = json_of(server, &[&fields, side].concat());
        let member = &answer["profiles"][0]["profile"]["member"];
        assert_eq!(member["display_name"], "Cy", "{side:?}");
        assert_eq!(member["headline"], "", "{side:?}");
        let listed = json_of(server, &[&["connections", "1"], side].concat());
        assert!(listed["total"].as_u64() >= Some(1), "{side:?}");
        assert!(listed["connections"][0]["headline"].is_string());
    }
    for (wrong, code) in [
        (&["profile", "3", "--viewer", "404"][..], 1),
        (&["profile", "3", "--fields", "salary"], 1),
        (&["profile", "3", "--viewer", "1", "--site"], 2),
    ] {
        assert_eq!(
            cloudctl(server, wrong).status.code(),
            Some(code),
            "{wrong:?}"
        );
    }
}

fn watch_prints_both_changes(server: &Server, connected_at: u64) {
    let mut watch = Command::new(binary("cloudctl"))
        .args([
            "--json",
            "watch",
            "--after-scn",
            "0",
            "--admin",
            server.admin().trim_start_matches("http://"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("cloudctl's binary starts");
    let lines = BufReader::new(watch.stdout.take().expect("a piped stdout")).lines();
    let windows: Vec<Value> = lines
        .map(|line| serde_json::from_str(&line.expect("UTF-8")).expect("a JSON object a line"))
        .filter(|line: &Value| line["changes"].is_array())
        .take(2)
        .collect();
    watch.kill().expect("it watches until it is ended");
    watch.wait().expect("it ended");
    assert_eq!(windows[0]["scn"], connected_at);
    assert!(windows[1]["scn"].as_u64() > Some(connected_at));
}

#[test]
fn nothing_is_created_or_written_by_mistake() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&small_site(), folder.path());
    let server = Server::start(folder.path());
    let members = || json_of(&server, &["status"])["members"].clone();
    let head = || json_of(&server, &["status"])["log_head"]["scn"].clone();
    let refused = cloudctl(&server, &["connect", "1", "404"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("there is no member 404: give --create"),
        "{said}"
    );
    // An answer without any member is printed too.
    let nobody = cloudctl(&server, &["--json", "profile", "404"]);
    let printed: Value = serde_json::from_slice(&nobody.stdout).expect("JSON");
    assert_eq!(printed["profiles"][0]["profile"], Value::Null);
    assert_eq!(nobody.status.code(), Some(1));
    let file = folder.path().join("empty.jsonl");
    fs::write(&file, "\n\n").expect("a file");
    let empty = cloudctl(&server, &["publish", file.to_str().expect("UTF-8")]);
    let said = String::from_utf8_lossy(&empty.stdout);
    assert_eq!(said, "no changes: nothing was published\n");
    assert_eq!((members(), head()), (json!(5), json!(0)));
    // An empty window of a source moves its offset.
    let window = ["--source-id", "core", "--source-offset", "7"];
    let path = file.to_str().expect("UTF-8");
    let moved = json_of(&server, &[&["publish", path], &window[..]].concat());
    assert_eq!(moved["as_of"]["scn"], 1);
    let created = json_of(&server, &["connect", "1", "404", "--create"]);
    let point = created["as_of"]["point"].as_str().expect("a point");
    let degrees = ["degrees", "--viewer", "1", "404", "--at-least", point];
    assert_eq!(json_of(&server, &degrees)["degrees"][0]["degree"], "first");
    assert_eq!(members(), 6);
    let taken = json_of(&server, &["snapshot"]);
    let directory = taken["directory"].as_str().expect("a path");
    assert!(fs::metadata(directory).is_ok_and(|found| found.is_dir()));
}

#[test]
fn every_program_says_which_version_of_it_this_is() {
    for program in ["cloudctl", "databus", "graph-server", "loader"] {
        let output = Command::new(binary(program)).arg("--version").output();
        let said = output.expect("the binary starts").stdout;
        let said = String::from_utf8(said).expect("UTF-8");
        let version = said.strip_prefix(program).expect("the program's name");
        assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn people_get_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&small_site(), folder.path());
    let server = Server::start(folder.path());
    let output = cloudctl(
        &server,
        &["degrees", "--viewer", "1", "2", "3", "5", "--path"],
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let contains = |text: &str, words: &[&str]| {
        for words in words {
            assert!(text.contains(words), "no {words:?} in\n{text}");
        }
    };
    contains(
        &text,
        &[
            "1st",
            "2nd",
            "out of network",
            "Ben",
            "pilot",
            "Ada → Ben → Cy",
        ],
    );
    for (arguments, words) in [
        (
            &["network", "--viewer", "1", "--degree", "2"][..],
            &["Cy", "engineer", "1 of 1, as of 0@"][..],
        ),
        (
            &["paths", "--viewer", "1", "3"],
            &["Ada → Ben → Cy", "1 of 1, distance 2, as of 0@"],
        ),
        (
            &["paths", "--viewer", "1", "5"],
            &["no path of up to 3 connections, as of 0@"],
        ),
        (&["suggest", "--viewer", "1"], &["Cy", "engineer", "shared"]),
        (
            &["subgraph", "--viewer", "1", "2", "3", "404"],
            &["Ben", "Cy", "1970-01-01T00:00:02Z", "no such member: [404]"],
        ),
        (
            &["session", "begin", "--viewer", "1"],
            &["session ", "1800 s"],
        ),
    ] {
        let output = cloudctl(&server, arguments);
        contains(&String::from_utf8(output.stdout).expect("UTF-8"), words);
    }
}

#[test]
fn a_dump_of_a_site_whose_log_runs_goes_on_from_its_scn() {
    let old = tempfile::tempdir().expect("a temporary folder");
    site::build(&small_site(), old.path());
    let server = Server::start(old.path());
    let before_dump = json_of(&server, &["connect", "1", "3"]);
    json_of(&server, &["disconnect", "2", "3"]);
    // The dump began after the first change. Part of it was read after the second: changes state
    // what is true.
    let log_id = before_dump["as_of"]["log_id"].as_str().expect("a log");
    let scn = before_dump["as_of"]["scn"].as_u64().expect("an SCN");
    let mut dumped = small_site();
    dumped.connect(1, 3, 4_000);
    let head = json_of(&server, &["connect", "5", "2"])["as_of"].clone();
    assert!(server.terminate().success());

    let new = tempfile::tempdir().expect("a temporary folder");
    fs::rename(old.path().join("log"), new.path().join("log")).expect("the log moves");
    let build = |log_id: &str| {
        let options = ["--log-id", log_id, "--scn", &scn.to_string()];
        site::build_with(&dumped, new.path(), &options);
    };
    build(log_id);
    let server = Server::start(new.path());
    let degrees = json_of(
        &server,
        &["degrees", "--viewer", "1", "2", "3", "5", &HUGE.to_string()],
    );
    assert_eq!(degrees["as_of"], head);
    let found: Vec<&str> = degrees["degrees"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|degree| degree["degree"].as_str().expect("a word"))
        .collect();
    assert_eq!(found, ["first", "first", "second", "second"]);
    assert!(server.terminate().success());

    fs::remove_dir_all(new.path().join("snapshot")).expect("the snapshot");
    build("00000000000000000000000000000001");
    let refused = Server::try_start(new.path(), &[])
        .err()
        .expect("a snapshot of another log");
    assert!(
        refused.contains("00000000000000000000000000000001"),
        "{refused}"
    );
}
