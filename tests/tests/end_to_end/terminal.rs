//! cloudctl on a terminal and in a pipe: tables as wide as the terminal, and no control characters
//! of the data.

use std::path::Path;
use std::process::{Command, Output};

use cloud_tests::binaries::binary;
use cloud_tests::cloudctl::cloudctl;
use cloud_tests::installed::{python, workspace};
use cloud_tests::model::Model;
use cloud_tests::server::Server;
use cloud_tests::site;
use tempfile::TempDir;

/// A name that clears the screen and sets the title, one of C1 that does the same, and one that
/// turns the direction of the text around it.
const NAMES: [&str; 3] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}Eve",
    "\u{9b}2J\u{9d}0;owned\u{9c}Mallory",
    "Tru\u{202e}dy\u{2066}",
];

const HEADLINE: &str = "A headline that is much longer than a column of a table at eighty columns";

/// Returns a site whose members 2 to 4 have these names, all connected to member 1.
fn hostile_site() -> Model {
    let mut model = Model::default();
    model.add_member(1).profile.display_name = "Ada".to_owned();
    for (id, name) in (2..).zip(NAMES) {
        let profile = &mut model.add_member(id).profile;
        profile.display_name = name.to_owned();
        profile.headline = HEADLINE.to_owned();
        model.connect(1, id, 1_000);
    }
    model
}

fn start() -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&hostile_site(), folder.path());
    let server = Server::start(folder.path());
    (folder, server)
}

/// Runs cloudctl in a terminal of this width.
fn in_terminal(python: &Path, server: &Server, columns: u16, arguments: &[&str]) -> Output {
    Command::new(python)
        .arg(workspace().join("tests/terminal/run_in_terminal.py"))
        .arg(columns.to_string())
        .arg(binary("cloudctl"))
        .args(arguments)
        .env("CLOUD_SERVER", server.public())
        .env("CLOUD_ADMIN", server.admin())
        .output()
        .expect("Python runs")
}

/// Returns the text that a terminal or a pipe received. It must not steer a terminal.
#[track_caller]
fn harmless(output: &[u8]) -> String {
    let text = String::from_utf8(output.to_vec()).expect("UTF-8");
    let steering = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(steering), "{text:?}");
    text
}

#[test]
fn tables_fit_the_terminal_and_hold_no_control_characters() {
    let Some(python) = python() else { return };
    let (_folder, server) = start();
    let arguments = ["degrees", "--viewer", "1", "2", "3", "4"];
    for (arguments, expected) in [
        (&arguments[..], DEGREES_AT_80),
        (&["connections", "1"], CONNECTIONS_AT_80),
        (&["shared", "--viewer", "2", "3"], SHARED_AT_80),
        (&["search", "--viewer", "1", "headline"], SEARCH_AT_80),
    ] {
        let output = in_terminal(&python, &server, 80, arguments);
        assert!(output.status.success(), "{output:?}");
        let text = harmless(&output.stdout);
        let (table, as_of) = text.rsplit_once("as of ").expect("a point");
        assert!(as_of.starts_with("0@"), "{as_of}");
        assert_eq!(table, expected, "{arguments:?}");
    }
    // In a pipe, each row is one line.
    let text = harmless(&cloudctl(&server, &arguments).stdout);
    let row = text.lines().find(|line| line.contains("Mallory"));
    let row = row.expect("a row for each member");
    assert!(
        row.contains("\\u009b2J\\u009d0;owned\\u009cMallory"),
        "{row}"
    );
    for columns in [40, 80, 200] {
        for arguments in [
            &["status"][..],
            &arguments,
            &["profile", "2", "3", "4"],
            &["connections", "1"],
            &["search", "--viewer", "1", "headline"],
        ] {
            let output = in_terminal(&python, &server, columns, arguments);
            let text = harmless(&output.stdout);
            let tables = text
                .lines()
                .filter(|line| line.starts_with(['│', '┌', '└']));
            for line in tables {
                assert!(
                    line.chars().count() <= usize::from(columns),
                    "{columns}: {line}"
                );
            }
        }
    }
}

const DEGREES_AT_80: &str = "\
┌────────┬────────┬──────────────────────────────┬─────────────────────────────┐
│ member ┆ degree ┆ name                         ┆ headline                    │
╞════════╪════════╪══════════════════════════════╪═════════════════════════════╡
│ 2      ┆ 1st    ┆ \\u001b[2J\\u001b]0;owned\\u000 ┆ A headline that is much     │
│        ┆        ┆ 7Eve                         ┆ longer than a column of a   │
│        ┆        ┆                              ┆ table at e…                 │
│ 3      ┆ 1st    ┆ \\u009b2J\\u009d0;owned\\u009cM ┆ A headline that is much     │
│        ┆        ┆ allory                       ┆ longer than a column of a   │
│        ┆        ┆                              ┆ table at e…                 │
│ 4      ┆ 1st    ┆ Tru\\u202edy\\u2066            ┆ A headline that is much     │
│        ┆        ┆                              ┆ longer than a column of a   │
│        ┆        ┆                              ┆ table at e…                 │
└────────┴────────┴──────────────────────────────┴─────────────────────────────┘
";

const CONNECTIONS_AT_80: &str = "\
┌────────┬───────────────────────┬──────────────────────┬──────────────────────┐
│ member ┆ name                  ┆ headline             ┆ connected            │
╞════════╪═══════════════════════╪══════════════════════╪══════════════════════╡
│ 2      ┆ \\u001b[2J\\u001b]0;own ┆ A headline that is   ┆ 1970-01-01T00:00:01Z │
│        ┆ ed\\u0007Eve           ┆ much longer than a   ┆                      │
│        ┆                       ┆ column of a table at ┆                      │
│        ┆                       ┆ e…                   ┆                      │
│ 3      ┆ \\u009b2J\\u009d0;owned ┆ A headline that is   ┆ 1970-01-01T00:00:01Z │
│        ┆ \\u009cMallory         ┆ much longer than a   ┆                      │
│        ┆                       ┆ column of a table at ┆                      │
│        ┆                       ┆ e…                   ┆                      │
│ 4      ┆ Tru\\u202edy\\u2066     ┆ A headline that is   ┆ 1970-01-01T00:00:01Z │
│        ┆                       ┆ much longer than a   ┆                      │
│        ┆                       ┆ column of a table at ┆                      │
│        ┆                       ┆ e…                   ┆                      │
└────────┴───────────────────────┴──────────────────────┴──────────────────────┘
3 of 3, ";

const SHARED_AT_80: &str = "\
┌────────┬──────┬──────────┐
│ member ┆ name ┆ headline │
╞════════╪══════╪══════════╡
│ 1      ┆ Ada  ┆          │
└────────┴──────┴──────────┘
1 of 1, ";

const SEARCH_AT_80: &str = "\
┌────────┬────────┬──────────────────────────┬─────────────────────────┬───────┐
│ member ┆ degree ┆ name                     ┆ headline                ┆ score │
╞════════╪════════╪══════════════════════════╪═════════════════════════╪═══════╡
│ 2      ┆ 1st    ┆ \\u001b[2J\\u001b]0;owned\\ ┆ A headline that is much ┆ 0.31  │
│        ┆        ┆ u0007Eve                 ┆ longer than a column of ┆       │
│        ┆        ┆                          ┆ a table at e…           ┆       │
│ 3      ┆ 1st    ┆ \\u009b2J\\u009d0;owned\\u0 ┆ A headline that is much ┆ 0.31  │
│        ┆        ┆ 09cMallory               ┆ longer than a column of ┆       │
│        ┆        ┆                          ┆ a table at e…           ┆       │
│ 4      ┆ 1st    ┆ Tru\\u202edy\\u2066        ┆ A headline that is much ┆ 0.31  │
│        ┆        ┆                          ┆ longer than a column of ┆       │
│        ┆        ┆                          ┆ a table at e…           ┆       │
└────────┴────────┴──────────────────────────┴─────────────────────────┴───────┘
3 of 3, ";

#[test]
fn no_command_and_no_error_sends_control_characters() {
    let Some(python) = python() else { return };
    let (_folder, server) = start();
    let hostile = "\u{1b}]0;owned\u{7}\u{9b}2J";
    let commands: [&[&str]; 9] = [
        &["--json", "degrees", "--viewer", "1", "2", "3", "4"],
        &["--json", "profile", "2", "3", "4"],
        &["search", "--viewer", "1", hostile],
        &["search", "--viewer", "1", &format!("title:({hostile}")],
        &[
            "--json",
            "search",
            "--viewer",
            "1",
            &format!("title:({hostile}"),
        ],
        &["session", "end", hostile],
        &["profile", "2", "--fields", hostile],
        &["--server", hostile, "sizes", "--viewer", "1"],
        &["publish", hostile],
    ];
    for command in commands {
        for output in [
            cloudctl(&server, command),
            in_terminal(&python, &server, 80, command),
        ] {
            harmless(&output.stdout);
            harmless(&output.stderr);
        }
    }
    // JSON says the same, with the characters escaped.
    let said = cloudctl(&server, &["--json", "profile", "2", "3", "4"]);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    for (place, name) in NAMES.into_iter().enumerate() {
        let member = &json["profiles"][place]["profile"]["member"];
        assert_eq!(member["display_name"], name);
    }
}

#[test]
fn names_of_members_with_huge_profiles_are_printed() {
    let mut model = Model::default();
    model.add_member(1);
    // Ten answers of the largest size would not hold all of them.
    for id in 2..=30 {
        let profile = &mut model.add_member(id).profile;
        profile.display_name = format!("Bea {id}");
        profile.summary = "S".repeat(60_000);
        profile.skills = (0..900)
            .map(|n| format!("s{n:03}{}", "k".repeat(900)))
            .collect();
        model.connect(1, id, 1_000);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    site::build(&model, folder.path());
    let server = Server::start(folder.path());
    let members: Vec<_> = (2..=30).map(|id: u64| id.to_string()).collect();
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    let output = cloudctl(
        &server,
        &[&["degrees", "--viewer", "1"], &members[..]].concat(),
    );
    let text = harmless(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for id in 2..=30 {
        assert!(text.contains(&format!("Bea {id} ")), "{text}");
    }
    let output = cloudctl(&server, &[&["--json", "profile"], &members[..]].concat());
    let whole: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(whole["profiles"].as_array().map(Vec::len), Some(29));
}
