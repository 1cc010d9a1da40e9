//! Everything that a process writes is its user's alone, whatever mask it has inherited.

use cloud_tests::process::{Kind, Process, SOUND, Served};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::program;

/// Returns the files and folders below a folder, with their modes.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("it exists");
        if kind.is_dir() {
            found.extend(modes(&path));
        }
        let mode = kind.permissions().mode();
        found.push((path.display().to_string(), mode & 0o177_777));
    }
    found
}

#[track_caller]
fn check(folder: &Path, mask: &str, at_least: usize) {
    let found = modes(folder);
    assert!(found.len() >= at_least, "{mask}: {found:?}");
    for (path, mode) in found {
        let is_private = [0o100_600, 0o040_700].contains(&mode);
        assert!(is_private, "{mask}: {path} has mode {mode:o}");
    }
}

#[test]
fn files_have_mode_0600_and_folders_0700() {
    for mask in ["000", "022", "027", "777"] {
        let above = tempfile::tempdir().expect("a temporary folder");
        let folder = above.path().join("all");
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .expect("a folder");
        let at = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
        let script = format!("umask {mask} && exec \"$@\"");
        let masked = ["sh", "-c", &script, "sh"];
        let run = |name: &str, arguments: &[&str]| {
            let ended = Process::spawn(&masked, &program(name), arguments, SOUND).wait();
            assert!(ended.status.success(), "{mask}: {ended:?}");
        };
        let dump = at("dump");
        let generate = ["generate", "--members", "60", "--mean-connections", "4"];
        run("loader", &[&generate[..], &["--out", &dump]].concat());
        let files = ["members", "positions", "connections"];
        let files = files.map(|name| [format!("--{name}"), format!("{dump}/{name}.csv")]);
        let files: Vec<_> = files.iter().flatten().map(String::as_str).collect();
        let order = ["--order", "community"];
        run(
            "loader",
            &[&["build", "--out", &at("snapshot")], &files[..], &order].concat(),
        );
        check(&folder, mask, 10);

        // Small segments, snapshots, live profiles, an overlay.
        let flags = ["--log-segment-bytes", "4KiB", "--snapshots-kept", "3"];
        for _ in 0..2 {
            let mut server = Served::spawn(Kind::GraphServer, &folder, &masked, &flags, SOUND);
            server.until_ready();
            for other in 1_000..1_060 {
                let published = server.cloudctl(&["connect", "1", &other.to_string(), "--create"]);
                assert!(published.status.success(), "{published:?}");
            }
            assert!(server.cloudctl(&["snapshot"]).status.success());
            assert!(
                server
                    .cloudctl(&["connect", "1", "2000", "--create"])
                    .status
                    .success()
            );
            check(&folder, mask, 20);
            assert!(server.terminate().status.success());
            check(&folder, mask, 20);
        }

        let relay = folder.join("relay");
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&relay)
            .expect("a folder");
        let mut server = Served::spawn(Kind::Relay, &relay, &masked, &flags[..2], SOUND);
        server.until_ready();
        assert!(
            server
                .cloudctl(&["connect", "1", "2", "--create"])
                .status
                .success()
        );
        assert!(server.terminate().status.success());
        check(&relay, mask, 3);
    }
}
