//! A build that is killed or fails leaves nothing that a server would open. `inspect` detects every
//! flipped byte.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cloud_engine::newest_snapshots;
use loader::inspect::inspect;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::dump::{Dump, rows};

#[test]
fn a_killed_build_leaves_no_snapshot_and_the_next_one_cleans_up() {
    let text: String = (1..400_000)
        .map(|id| format!("{id},{}\n", id + 1))
        .collect();
    let dump = Dump::of_connections(format!("member_id,other_id\n{text}"));
    let mut loader = Command::new(env!("CARGO_BIN_EXE_loader"))
        .args(["build", "--connections"])
        .args(&dump.options.connections)
        .arg("--out")
        .arg(&dump.options.out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let staging = dump.options.out.join(format!(".building-{}", loader.id()));
    // The loader is killed as soon as it writes. If it finishes before that, there is a complete
    // snapshot.
    while !staging.exists() && loader.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    loader.kill().unwrap();
    loader.wait().unwrap();
    let snapshots = newest_snapshots(&dump.options.out).unwrap();
    if let Some(snapshot) = snapshots.first() {
        inspect(snapshot).unwrap();
        return;
    }
    assert!(staging.exists());
    let summary = dump.build();
    assert!(!staging.exists());
    assert_eq!(rows(&summary.snapshot).len(), 400_000);
}

/// At whatever moment the build is killed, there is no snapshot or a complete one, and the list of
/// rejected rows is complete too.
#[test]
fn a_build_that_is_killed_at_any_moment_leaves_nothing_half() {
    let text: String = (1..60_000).map(|id| format!("{id},{}\n", id + 1)).collect();
    let mut moments = StdRng::seed_from_u64(20);
    let dump = Dump::of_connections(format!("member_id,other_id\n{text}1,x\n")).skip();
    let build = || {
        let mut loader = Command::new(env!("CARGO_BIN_EXE_loader"));
        loader
            .args(["build", "--on-error", "skip", "--connections"])
            .args(&dump.options.connections)
            .arg("--out")
            .arg(&dump.options.out)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        loader
    };
    let begun = Instant::now();
    assert!(build().status().unwrap().success());
    let whole = begun.elapsed();
    let (mut snapshots, mut killed) = (1, 0);
    for _ in 0..16 {
        if let Some(snapshot) = newest_snapshots(&dump.options.out).unwrap().first() {
            fs::remove_dir_all(snapshot).unwrap();
        }
        let mut loader = build().spawn().unwrap();
        let moment = begun.elapsed() + whole.mul_f64(moments.random_range(0.0..1.1));
        // The loop waits for the moment, not for an event.
        while begun.elapsed() < moment && loader.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = loader.kill();
        killed += u32::from(!loader.wait().unwrap().success());
        let left = newest_snapshots(&dump.options.out).unwrap();
        if let Some(snapshot) = left.first() {
            assert_eq!(inspect(snapshot).unwrap().manifest.members, 60_000);
            assert!(dump.options.out.join("rejects.csv").exists());
            snapshots += 1;
        }
        if let Ok(list) = fs::read_to_string(dump.options.out.join("rejects.csv")) {
            assert!(list.ends_with(",\"1,x\"\n"), "{list}");
        }
    }
    eprintln!("{killed} of 16 builds were killed, {snapshots} snapshots were whole");
    if let Some(snapshot) = newest_snapshots(&dump.options.out).unwrap().first() {
        fs::remove_dir_all(snapshot).unwrap();
    }
    dump.build();
    let mut names: Vec<_> = fs::read_dir(&dump.options.out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["00000000000000000000", "LOCK", "rejects.csv"]);
}

/// A limit on the length of files stands for a full disk: writing beyond it fails in the same way.
#[test]
fn a_full_disk_stops_a_build_without_a_trace() {
    let text: String = (1..50_000).map(|id| format!("{id},{}\n", id + 1)).collect();
    let dump = Dump::of_connections(format!("member_id,other_id\n{text}"));
    for blocks in ["1", "100", "1000", "1500"] {
        let output = Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f $0; exec \"$@\"",
                blocks,
                env!("CARGO_BIN_EXE_loader"),
                "build",
            ])
            .arg("--connections")
            .args(&dump.options.connections)
            .arg("--out")
            .arg(&dump.options.out)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{blocks} blocks: {message}");
        assert!(
            message.contains("File too large"),
            "{blocks} blocks: {message}"
        );
        let left = fs::read_dir(&dump.options.out)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["LOCK"], "{blocks} blocks");
    }
    assert_eq!(dump.build().manifest.members, 50_000);
}

#[test]
fn an_existing_snapshot_is_not_overwritten() {
    let dump = Dump::of_connections("member_id,other_id\n1,2\n");
    let first = dump.build();
    let manifest = fs::read(first.snapshot.join("manifest.json")).unwrap();
    let message = dump.error();
    assert!(
        message.starts_with("site/00000000000000000000 is a snapshot already"),
        "{message}"
    );
    assert_eq!(
        fs::read(first.snapshot.join("manifest.json")).unwrap(),
        manifest
    );
}

/// The command's error names the file and the offset, and its exit code is 1.
#[test]
fn damage_is_named_with_file_and_offset() {
    let connections: String = (1..30_000).map(|id| format!("{id},{}\n", id + 1)).collect();
    let members: String = (1..=30_000).map(|id| format!("{id}\n")).collect();
    let dump = Dump::of_connections(format!("member_id,other_id\n{connections}"))
        .members("members.csv", format!("member_id\n{members}"));
    let snapshot = dump.build().snapshot;
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_loader"))
            .arg("inspect")
            .arg(&dump.options.out)
            .output()
            .unwrap()
    };
    assert_eq!(run().status.code(), Some(0));
    for (name, at, reported) in [
        ("graph.csr", 10_000, 64..10_001),
        ("times.bin", 200_000, 131_072..200_001),
        ("profiles.bin", 100_000, 99_900..100_001),
    ] {
        let path = snapshot.join(name);
        let bytes = fs::read(&path).unwrap();
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&path, flipped).unwrap();
        let output = run();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(name), "{message}");
        let (_, offset) = message.split_once(" at byte ").unwrap();
        let offset = offset.split_once(':').unwrap().0.parse().unwrap();
        assert!(reported.contains(&offset), "{message}");
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(run().status.code(), Some(0));
}

#[test]
fn every_flipped_byte_is_seen() {
    let connections = "member_id,other_id\n1,2\n2,3\n";
    check_every_flipped_byte_is_seen(&Dump::of_connections(connections));
    let with_people =
        Dump::of_connections(connections).members("members.csv", "member_id\n1\n2\n3\n");
    check_every_flipped_byte_is_seen(&with_people);
}

fn check_every_flipped_byte_is_seen(dump: &Dump) {
    let path = dump.build().snapshot;
    let whole = inspect(&dump.options.out).unwrap();
    assert_eq!(whole.snapshot, path);
    assert!(
        whole.to_string().contains("verified     graph.csr: "),
        "{whole}"
    );
    let names = whole
        .manifest
        .files
        .iter()
        .map(|file| file.name.as_str())
        .chain(["manifest.json"]);
    for name in names {
        let file = path.join(name);
        let bytes = fs::read(&file).unwrap();
        for offset in (0..bytes.len()).step_by(bytes.len() / 7 + 1) {
            let mut flipped = bytes.clone();
            flipped[offset] ^= 1;
            fs::write(&file, &flipped).unwrap();
            let message = inspect(&path).expect_err("a flipped byte").to_string();
            assert!(message.contains(name), "{name} at {offset}: {message}");
        }
        fs::write(&file, &bytes[1..]).unwrap();
        assert!(inspect(&path).is_err(), "{name} without its first byte");
        fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(inspect(&path).unwrap(), whole);
}
