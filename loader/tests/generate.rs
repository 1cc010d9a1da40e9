//! Tests that the files of `loader generate` are complete and consistent, depend only on the seed,
//! and have the required shape.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use cloud_synthetic::{Error, Hubs, Options, Summary, generate, generate_edges};

const FILES: [&str; 3] = ["members.csv", "positions.csv", "connections.csv"];

/// Makes a directory with the files of a site.
fn made(options: &Options) -> (tempfile::TempDir, Summary) {
    let directory = tempfile::tempdir().unwrap();
    let summary = generate(options, directory.path()).unwrap();
    (directory, summary)
}

fn read(directory: &Path, name: &str) -> Vec<u8> {
    fs::read(directory.join(name)).unwrap()
}

/// Reads the rows by column name.
fn rows(directory: &Path, name: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(directory.join(name)).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn id(row: &HashMap<String, String>, column: &str) -> u64 {
    row[column].parse().unwrap()
}

#[test]
fn the_same_seed_makes_the_same_bytes_on_one_thread_and_on_many() {
    let options = Options::new(12_000, 8.0, 42);
    let (first, _) = made(&options);
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let (second, _) = alone.install(|| made(&options));
    for name in FILES {
        assert!(
            read(first.path(), name) == read(second.path(), name),
            "{name}"
        );
    }
}

#[test]
fn the_graph_is_the_same_without_profiles() {
    let options = Options::new(3_000, 8.0, 42);
    let (whole, _) = made(&options);
    let (graph, summary) = made(&Options {
        graph_only: true,
        ..options
    });
    assert!(read(whole.path(), "connections.csv") == read(graph.path(), "connections.csv"));
    assert_eq!(fs::read_dir(graph.path()).unwrap().count(), 1);
    assert_eq!((summary.positions, summary.files.len()), (0, 1));
}

#[test]
fn another_seed_makes_another_site() {
    let (first, _) = made(&Options::new(1_000, 8.0, 1));
    let (second, _) = made(&Options::new(1_000, 8.0, 2));
    for name in FILES {
        assert!(
            read(first.path(), name) != read(second.path(), name),
            "{name}"
        );
    }
}

#[test]
fn connections_are_distinct_pairs_of_members() {
    let check = |options: Options| {
        let (directory, summary) = made(&options);
        let members: HashSet<u64> = rows(directory.path(), "members.csv")
            .iter()
            .map(|row| id(row, "member_id"))
            .collect();
        assert_eq!(members.len() as u64, options.members, "{options:?}");
        let mut pairs = HashSet::new();
        let connections = rows(directory.path(), "connections.csv");
        for row in &connections {
            let (one, other) = (id(row, "member_id"), id(row, "other_id"));
            assert!(
                one != other && members.contains(&one) && members.contains(&other),
                "{row:?}"
            );
            assert!(pairs.insert((one.min(other), one.max(other))), "{row:?}");
        }
        assert_eq!(connections.len() as u64, summary.connections, "{options:?}");
        members
    };
    for (members, mean) in [(1, 0.0), (2, 0.5), (10, 4.5), (100, 11.0), (5_000, 11.0)] {
        let ids = check(Options::new(members, mean, 7));
        assert_eq!(ids.iter().max(), Some(&members));
        let sparse = check(Options {
            sparse_ids: true,
            ..Options::new(members, mean, 7)
        });
        assert!(!sparse.contains(&0) && sparse.iter().all(|&id| id < 1 << 63));
    }
}

#[test]
fn the_files_say_what_the_edges_in_memory_say() {
    let options = Options {
        sparse_ids: true,
        ..Options::new(2_000, 8.0, 3)
    };
    let (directory, _) = made(&options);
    let edges = generate_edges(&options).unwrap();
    let connections = rows(directory.path(), "connections.csv");
    assert_eq!(edges.len(), connections.len());
    for (edge, row) in edges.iter().zip(&connections) {
        assert_eq!(
            (edge.member, edge.other),
            (id(row, "member_id"), id(row, "other_id"))
        );
        let milliseconds = &row["connected_at"][20..23];
        assert_eq!(milliseconds, format!("{:03}", edge.connected_at % 1_000));
        assert!(row["connected_at"].starts_with("20") && row["connected_at"].ends_with('Z'));
    }
    let members = rows(directory.path(), "members.csv");
    assert!(
        edges
            .member_ids()
            .eq(members.iter().map(|row| id(row, "member_id")))
    );
}

#[test]
fn profiles_are_whole() {
    let (directory, summary) = made(&Options::new(5_000, 4.0, 11));
    let mut positions: HashMap<u64, Vec<HashMap<String, String>>> = HashMap::new();
    for row in rows(directory.path(), "positions.csv") {
        positions
            .entry(id(&row, "member_id"))
            .or_default()
            .push(row);
    }
    let count: usize = positions.values().map(Vec::len).sum();
    assert_eq!(count as u64, summary.positions);
    for member in rows(directory.path(), "members.csv") {
        for (column, value) in &member {
            assert!(
                !value.is_empty() && value.trim() == value,
                "{column}: {member:?}"
            );
        }
        let skills: Vec<&str> = member["skills"].split(';').collect();
        assert!((3..=10).contains(&skills.len()), "{member:?}");
        assert_eq!(
            skills.iter().collect::<HashSet<_>>().len(),
            skills.len(),
            "{member:?}"
        );
        let words = member["summary"].split_whitespace().count();
        assert!((10..=35).contains(&words), "{member:?}");
        check_positions(&member, &positions[&id(&member, "member_id")]);
    }
}

fn check_positions(member: &HashMap<String, String>, positions: &[HashMap<String, String>]) {
    assert!((1..=4).contains(&positions.len()), "{positions:?}");
    let current: Vec<_> = positions
        .iter()
        .filter(|row| row["current"] == "true")
        .collect();
    assert_eq!(current.len(), 1, "{positions:?}");
    assert!(
        member["headline"].contains(&current[0]["organisation"]),
        "{member:?}"
    );
    assert!(
        member["headline"].contains(&current[0]["title"]),
        "{member:?}"
    );
    assert_eq!(member["country"], current[0]["country"], "{member:?}");
    let year = |text: &str| text[..4].parse::<u16>().unwrap();
    let mut newer_began = 2025;
    for (number, row) in positions.iter().enumerate() {
        assert_eq!(id(row, "position_id"), number as u64 + 1);
        assert!(
            ["work", "education"].contains(&row["kind"].as_str()),
            "{row:?}"
        );
        assert!(
            !row["organisation"].is_empty() && !row["title"].is_empty(),
            "{row:?}"
        );
        assert_eq!(row["to"].is_empty(), row["current"] == "true", "{row:?}");
        let began = year(&row["from"]);
        let ended = if row["to"].is_empty() {
            2025
        } else {
            year(&row["to"])
        };
        assert!(
            1960 < began && began <= ended && ended <= newer_began,
            "{positions:?}"
        );
        newer_began = began;
    }
}

#[test]
fn two_hundred_thousand_members_have_the_shape() {
    let options = Options {
        graph_only: true,
        ..Options::new(200_000, 11.0, 1)
    };
    let (_directory, summary) = made(&options);
    let shape = summary.shape;
    let mean = 2.0 * summary.connections as f64 / summary.members as f64;
    assert!((10.7..=11.1).contains(&mean), "{mean}");
    assert!((3..=5).contains(&shape.degree_p50), "{shape:?}");
    assert!((20..=30).contains(&shape.degree_p90), "{shape:?}");
    assert!((95..=125).contains(&shape.degree_p99), "{shape:?}");
    assert!((2_000..=3_000).contains(&shape.degree_max), "{shape:?}");
    assert_eq!(shape.hubs, 3);
    assert!(shape.inside_communities > 0.5, "{shape:?}");
    assert!(shape.third_degree_median >= 0.005, "{shape:?}");

    let edges = generate_edges(&options).unwrap();
    let mut degrees = vec![0_u32; 200_001];
    for edge in edges.iter() {
        degrees[edge.member as usize] += 1;
        degrees[edge.other as usize] += 1;
    }
    let hubs: Vec<u32> = degrees
        .iter()
        .copied()
        .filter(|&degree| degree >= 1_800)
        .collect();
    assert_eq!(hubs.len(), 3, "{hubs:?}");
    assert!(
        hubs.iter().all(|hub| (2_000..=3_000).contains(hub)),
        "{hubs:?}"
    );
    assert_eq!(hubs.iter().max(), Some(&shape.degree_max));
    assert_eq!(Hubs::of(200_000, 11.0).count, 3);
    check_log_normal(degrees);
}

/// Checks the standard deviation of the degree's logarithm. It is measured among ordinary members,
/// which have a degree of two up to that of the hubs.
fn check_log_normal(mut degrees: Vec<u32>) {
    degrees.sort_unstable();
    let at = |share: f64| f64::from(degrees[(share * degrees.len() as f64) as usize]);
    // The 84.1st and 97.7th percentiles are one and two standard deviations above the median.
    let sigma = (at(0.9772) / at(0.8413)).ln();
    assert!((1.3..=1.6).contains(&sigma), "{sigma}");
}

#[test]
fn ids_say_nothing_about_degrees_and_communities() {
    let edges = generate_edges(&Options::new(50_000, 11.0, 5)).unwrap();
    let lower = edges.iter().filter(|edge| edge.member <= 25_000).count() as f64;
    let share = lower / edges.len() as f64;
    assert!((0.47..0.53).contains(&share), "{share}");
    let close = edges
        .iter()
        .filter(|edge| edge.member.abs_diff(edge.other) < 500)
        .count() as f64;
    assert!(close / (edges.len() as f64) < 0.0215, "{close}");
}

#[test]
fn sites_that_cannot_be_are_refused() {
    let check = |members: u64, mean: f64, expected: &str| {
        let error = generate_edges(&Options::new(members, mean, 1)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(
        0,
        1.0,
        "the number of members must be 1 to 4294967295, not 0",
    );
    check(
        1 << 32,
        1.0,
        "the number of members must be 1 to 4294967295, not 4294967296",
    );
    check(
        11,
        6.0,
        "the mean connections of 11 members must be 0 to 5, not 6",
    );
    check(
        11,
        -1.0,
        "the mean connections of 11 members must be 0 to 5, not -1",
    );
    check(
        11,
        f64::NAN,
        "the mean connections of 11 members must be 0 to 5, not NaN",
    );
    check(
        1 << 20,
        2e3,
        "the mean connections of 1048576 members must be 0 to 1000, not 2000",
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(10, 1.0, 1);
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = generate(&options, file.join("site")).unwrap_err();
    assert!(matches!(&error, Error::MakeDirectory { path, .. } if path.ends_with("file/site")));

    fs::create_dir(directory.path().join("positions.csv.partial")).unwrap();
    let error = generate(&options, directory.path()).unwrap_err();
    assert!(matches!(&error, Error::Write { path, .. } if path.ends_with("positions.csv.partial")));
    assert!(!directory.path().join("members.csv").exists());
}

#[test]
fn the_command_prints_a_summary_or_says_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let run = |members: &str, mean: &str| {
        Command::new(env!("CARGO_BIN_EXE_loader"))
            .args([
                "generate",
                "--members",
                members,
                "--mean-connections",
                mean,
                "--seed",
                "9",
            ])
            .arg("--out")
            .arg(directory.path())
            .output()
            .unwrap()
    };
    let output = run("500", "6");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "members ",
        "connections ",
        "degree ",
        "hubs ",
        "3rd degree ",
        "members.csv ",
        "seconds ",
    ] {
        assert!(
            text.lines().any(|printed| printed.starts_with(line)),
            "{line}: {text}"
        );
    }
    let output = run("0", "6");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        text,
        "error: the number of members must be 1 to 4294967295, not 0\n"
    );
}
