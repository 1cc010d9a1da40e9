//! Tests of the source itself: its imports, its prose, and the table of promises.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use cloud_source::imports::{Imports, Module};
use cloud_source::prose;
use cloud_source::workspace::{Crate, crates, root};

/// The crates of the workspace that each crate may use. Benches and tests are not listed: they may
/// use any.
const ARROWS: [(&str, &[&str]); 16] = [
    ("cloud-model", &[]),
    ("cloud-files", &[]),
    ("cloud-machine", &[]),
    ("cloud-terminal", &[]),
    ("cloud-proto", &[]),
    ("cloud-profile", &["cloud-model", "cloud-proto"]),
    ("cloud-engine", &["cloud-files", "cloud-model"]),
    (
        "cloud-search",
        &[
            "cloud-engine",
            "cloud-files",
            "cloud-profile",
            "cloud-model",
            "cloud-proto",
        ],
    ),
    (
        "cloud-serving",
        &["cloud-files", "cloud-proto", "cloud-terminal"],
    ),
    (
        "cloud-capture",
        &[
            "cloud-client",
            "cloud-files",
            "cloud-model",
            "cloud-profile",
            "cloud-proto",
            "cloud-serving",
            "cloud-terminal",
        ],
    ),
    (
        "databus",
        &[
            "cloud-capture",
            "cloud-engine",
            "cloud-files",
            "cloud-profile",
            "cloud-serving",
            "cloud-terminal",
            "cloud-model",
            "cloud-proto",
        ],
    ),
    (
        "cloud-client",
        &["cloud-profile", "cloud-model", "cloud-proto"],
    ),
    (
        "cloudctl",
        &["cloud-client", "cloud-profile", "cloud-terminal"],
    ),
    ("cloud-synthetic", &["cloud-terminal"]),
    (
        "loader",
        &[
            "cloud-capture",
            "cloud-client",
            "cloud-search",
            "databus",
            "cloud-engine",
            "cloud-files",
            "cloud-machine",
            "cloud-profile",
            "cloud-model",
            "cloud-proto",
            "cloud-synthetic",
            "cloud-terminal",
        ],
    ),
    (
        "graph-server",
        &[
            "cloud-search",
            "databus",
            "cloud-serving",
            "cloud-engine",
            "cloud-files",
            "cloud-machine",
            "cloud-profile",
            "cloud-model",
            "cloud-proto",
            "cloud-terminal",
            "cloud-client",
            "cloud-capture",
            "loader",
        ],
    ),
];

/// The packages that must not be in cloudctl, to keep it small: the search index, the profile
/// store, and every server.
const NOT_IN_CLOUDCTL: [&str; 6] = [
    "tantivy",
    "redb",
    "cloud-serving",
    "databus",
    "cloud-engine",
    "graph-server",
];

#[test]
fn crates_use_only_what_the_arrows_allow() {
    let crates = crates(&root());
    for (name, allowed) in ARROWS {
        let found = crates.iter().find(|found| found.name == name);
        let uses = &found.unwrap_or_else(|| panic!("no crate {name}")).uses;
        for used in uses {
            assert!(
                allowed.contains(&used.as_str()),
                "{name} uses {used}; it may use {allowed:?}"
            );
        }
    }
    for each in &crates {
        let has_arrows = ARROWS.iter().any(|(name, _)| *name == each.name);
        let is_for_tests =
            ["cloud-benches", "cloud-tests", "cloud-source"].contains(&each.name.as_str());
        assert!(
            has_arrows || is_for_tests,
            "the crate {} has no arrows here",
            each.name
        );
    }
}

#[test]
fn cloudctl_compiles_without_servers_and_stores() {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args([
            "tree",
            "--package",
            "cloudctl",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--offline", "--locked"])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(!NOT_IN_CLOUDCTL.contains(&name), "cloudctl compiles {line}");
    }
    assert!(tree.contains("cloud-client"), "{tree}");
}

fn show(module: &Module) -> String {
    if module.is_empty() {
        String::from("crate")
    } else {
        module.join("::")
    }
}

#[test]
fn files_import_in_no_circle_but_pairs() {
    let mut found = Vec::new();
    for each in crates(&root()) {
        for circle in Imports::read(&each).circles() {
            let circle: Vec<String> = circle.iter().map(show).collect();
            found.push(format!("{}: {}", each.name, circle.join(" -> ")));
        }
    }
    assert!(
        found.is_empty(),
        "circles of imports:\n{}",
        found.join("\n")
    );
}

/// Returns the folders from which the files of `folder` import: those beside it, and beside its
/// parents.
fn imported_folders(imports: &Imports, folder: &Module) -> BTreeSet<String> {
    let is_folder = |module: &[String]| {
        imports
            .files
            .keys()
            .any(|file| file.len() > module.len() && file.starts_with(module))
    };
    let mut folders = BTreeSet::new();
    let inside = imports
        .edges
        .iter()
        .filter(|(module, _)| module.starts_with(folder));
    for target in inside.flat_map(|(_, targets)| targets) {
        if target.starts_with(folder) {
            continue;
        }
        let common = folder
            .iter()
            .zip(target)
            .take_while(|(one, other)| one == other)
            .count();
        if target.get(..=common).is_some_and(is_folder) {
            folders.insert(target[common].clone());
        }
    }
    folders
}

#[test]
fn folders_import_from_what_their_first_page_says() {
    let mut wrong = Vec::new();
    for each in crates(&root()) {
        let imports = Imports::read(&each);
        for (folder, file) in &imports.files {
            if !file.ends_with("mod.rs") {
                continue;
            }
            let text = fs::read_to_string(file).expect("a source file");
            let pages: Vec<&str> = (text.lines())
                .map_while(|line| line.strip_prefix("//!"))
                .collect();
            let page = pages.join(" ");
            let Some((_, said)) = page.split_once("Imports from ") else {
                wrong.push(format!("{}: no \"Imports from ...\"", file.display()));
                continue;
            };
            let said = said.split('.').next().unwrap_or_default();
            let is_folder = |name: &&str| {
                let mut files = imports.files.keys();
                files.any(|file| file.iter().rev().skip(1).any(|part| part == name))
            };
            let named = said.split('`').skip(1).step_by(2).filter(is_folder);
            let named: BTreeSet<String> = named.map(str::to_owned).collect();
            let folders = imported_folders(&imports, folder);
            if named != folders {
                wrong.push(format!(
                    "{}: says \"Imports from {said}\", imports from {folders:?}",
                    file.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn prose_keeps_the_rules() {
    let all = prose::findings(&root());
    let places = all.iter().flat_map(|(_, found)| found);
    let places: Vec<String> = places.map(ToString::to_string).collect();
    assert!(places.is_empty(), "{}", places.join("\n"));
}

/// Every test that the table of promises names exists in the named file.
#[test]
fn the_table_of_promises_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("tests/src/lib.rs")).expect("the table's file");
    let rows: Vec<&str> = (text.lines())
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter(|row| row.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    let numbers: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.split('.').next())
        .collect();
    assert_eq!(
        numbers,
        ["1", "2", "3", "4", "5", "6", "7", "8"],
        "a row for each promise"
    );
    for row in rows {
        let mut file: Option<(&str, String)> = None;
        let mut tests = 0;
        let cell = row.split(" | ").nth(1).unwrap_or_default();
        for name in cell.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                let path = root().join(name);
                let text =
                    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
                file = Some((name, text));
                continue;
            }
            let (path, text) = file
                .as_ref()
                .unwrap_or_else(|| panic!("no file before {name}"));
            let is_there =
                text.contains(&format!("fn {name}(")) || text.contains(&format!("{name}: \""));
            assert!(is_there, "{path} has no test {name}");
            tests += 1;
        }
        assert!(tests > 0, "no test in the row {row}");
    }
}

/// The list of crates that the other tests read is not empty.
#[test]
fn the_workspace_is_read() {
    let names: Vec<String> = crates(&root())
        .into_iter()
        .map(|Crate { name, .. }| name)
        .collect();
    assert!(
        names.len() > 12 && names.contains(&String::from("cloud-tests")),
        "{names:?}"
    );
}
