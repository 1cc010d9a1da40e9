//! A clock that is before 1970, as on a machine whose battery is empty, ends no process.
//!
//! The clock of the machine stays as it is: a small library, which this test compiles, is loaded
//! into the processes under test and sets theirs back.

use super::{program, small_site};
use cloud_tests::http;
use cloud_tests::process::{Kind, Process, SOUND, Served};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Replaces the functions of libc that read the clock of the day.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const time_t BACK = SECONDS_BACK;

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec -= BACK;
    return failed;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"#;

/// Compiles the library. Sets the clock back by this many years.
fn library(folder: &Path, years: u64) -> String {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    let back = (years * 31_557_600).to_string();
    fs::write(&source, SOURCE.replace("SECONDS_BACK", &back)).expect("a file");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(&source)
        .status();
    assert!(compiled.expect("cc runs").success());
    library.to_str().expect("UTF-8").to_owned()
}

#[test]
fn a_clock_before_1970_ends_no_process() {
    // To 1967, 1926, and before the times that 32 bits of seconds can tell.
    for years in [60, 100, 200] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let preload = format!("LD_PRELOAD={}", library(folder.path(), years));
        let set_back = ["env", &preload];
        // The library works: the shell's own clock is before 1970.
        let date = Process::spawn(&set_back, "date", &["+%s"], SOUND).wait();
        assert!(date.stdout.starts_with('-'), "{date:?}");

        small_site(folder.path());
        let dump = folder.path().join("connections.csv");
        let out = folder.path().join("other");
        let [dump, out] = [&dump, &out].map(|path| path.to_str().expect("UTF-8"));
        let build = ["build", "--connections", dump, "--out", out];
        let built = Process::spawn(&set_back, &program("loader"), &build, SOUND).wait();
        assert!(built.status.success(), "{built:?}");

        for kind in [Kind::GraphServer, Kind::Relay] {
            let flags = ["--log-age-ms-max", "1h", "--log-segment-bytes", "4KiB"];
            let mut server = Served::spawn(kind, folder.path(), &set_back, &flags, SOUND);
            server.until_ready();
            for page in ["/livez", "/readyz", "/metrics"] {
                let (status, text) = http::get(&server.admin, page).expect("it answers");
                assert_eq!(status, 200, "{text}");
                assert!(!text.contains("process_start_time_seconds"), "{text}");
            }
            let servers = ["--server", &server.public, "--admin", &server.admin];
            let set_back_ctl = |arguments: &[&str]| {
                let arguments = [&servers[..], arguments].concat();
                let ctl = Process::spawn(&set_back, &program("cloudctl"), &arguments, SOUND);
                let ended = ctl.wait();
                assert!(ended.status.success(), "{ended:?}");
            };
            set_back_ctl(&["connect", "1", "9", "--create"]);
            if kind == Kind::GraphServer {
                set_back_ctl(&["degrees", "--viewer", "1", "9"]);
                set_back_ctl(&["snapshot"]);
                set_back_ctl(&["status"]);
            }
            let ended = server.terminate();
            assert!(ended.status.success(), "{kind:?}: {ended:?}");
            assert!(!ended.stderr.contains("panicked"), "{ended:?}");
            fs::remove_dir_all(folder.path().join("log")).expect("the log");
        }
    }
}
