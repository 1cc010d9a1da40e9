//! A machine without `/proc` and control groups, as some containers are: gauges are missing, and
//! everything else works.
//!
//! Only root may hide a mounted folder. Without root nothing is tested here, and a line says so.

use super::{program, small_site};
use cloud_tests::http;
use cloud_tests::process::{Kind, Process, SOUND, Served};

/// Hides `/proc` and `/sys` from a process, in a mount namespace of its own.
const HIDDEN: [&str; 6] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs none /sys && mount -t tmpfs none /proc && exec \"$@\"",
    "sh",
];

#[test]
fn a_machine_without_proc_only_lacks_gauges() {
    let tried = Process::spawn(&HIDDEN, "true", &[""; 0], SOUND).wait();
    if !tried.status.success() {
        println!("\n==== NOT TESTED: only root may hide /proc ====\n");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    small_site(folder.path());
    let dump = folder.path().join("connections.csv");
    let out = folder.path().join("other");
    let [dump, out] = [&dump, &out].map(|path| path.to_str().expect("UTF-8"));
    for arguments in [
        vec!["build", "--connections", dump, "--out", out],
        vec!["inspect", out],
        vec![
            "generate",
            "--members",
            "50",
            "--mean-connections",
            "3",
            "--out",
            out,
        ],
    ] {
        let ended = Process::spawn(&HIDDEN, &program("loader"), &arguments, SOUND).wait();
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    }
    for kind in [Kind::GraphServer, Kind::Relay] {
        let mut server = Served::spawn(kind, folder.path(), &HIDDEN, &[], SOUND);
        server.until_ready();
        let (status, page) = http::get(&server.admin, "/metrics").expect("it answers");
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("cloud_serving 1"), "{page}");
        assert!(
            server
                .cloudctl(&["connect", "1", "9", "--create"])
                .status
                .success()
        );
        if kind == Kind::GraphServer {
            let parts = page.lines();
            let parts = parts.filter(|line| line.starts_with("cloud_memory_bytes"));
            let parts: Vec<_> = parts.filter_map(|line| line.split('"').nth(1)).collect();
            assert_eq!(parts, ["overlay", "views"]);
            assert!(server.cloudctl(&["snapshot"]).status.success());
            let status = server.cloudctl(&["status"]);
            assert!(status.status.success(), "{status:?}");
        }
        let ended = server.terminate();
        assert!(ended.status.success(), "{ended:?}");
        std::fs::remove_dir_all(folder.path().join("log")).expect("the log");
    }
}
