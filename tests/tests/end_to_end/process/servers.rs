//! Both servers with streams that are closed, full, broken or stuck: they serve on, and shut down
//! whole.

use super::small_site;
use cloud_tests::process::{Kind, SOUND, Served, Signal, Stream, Streams};
use cloud_tests::rounds::rounds;
use std::fs;
use std::path::Path;
use std::thread;

const BROKEN: [Stream; 4] = [Stream::Closed, Stream::Full, Stream::Gone, Stream::Stuck];

/// Returns the combinations of streams: all of one state in `make test`, each alone as well in
/// `make test-long`.
fn combinations() -> Vec<Streams> {
    let together = BROKEN.map(|state| Streams {
        stdin: state,
        stdout: state,
        stderr: state,
    });
    let mut all = together.to_vec();
    if rounds(0, 1) > 0 {
        for state in BROKEN {
            all.extend([
                Streams {
                    stdin: state,
                    ..SOUND
                },
                Streams {
                    stdout: state,
                    ..SOUND
                },
                Streams {
                    stderr: state,
                    ..SOUND
                },
            ]);
        }
    }
    all
}

/// Makes a server write some lines to its log, publishes through them, and ends it.
fn serve_and_end(kind: Kind, folder: &Path, streams: Streams) {
    // Every request gets a line.
    let flags = ["--slow-request-ms", "1"];
    let mut server = Served::spawn(kind, folder, &[], &flags, streams);
    server.until_ready();
    for other in 10..20 {
        server.process.signal(Signal::HUP);
        let published = server.cloudctl(&["connect", "1", &other.to_string(), "--create"]);
        assert!(published.status.success(), "{streams:?}: {published:?}");
    }
    if kind == Kind::GraphServer {
        let taken = server.cloudctl(&["snapshot"]);
        assert!(taken.status.success(), "{streams:?}: {taken:?}");
        let published = server.cloudctl(&["connect", "1", "20", "--create"]);
        assert!(published.status.success(), "{streams:?}: {published:?}");
    }
    let ended = server.terminate();
    assert!(ended.status.success(), "{kind:?} {streams:?}: {ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

fn check(kind: Kind, streams: Streams) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if kind == Kind::GraphServer {
        small_site(folder.path());
    }
    serve_and_end(kind, folder.path(), streams);
    let mut server = Served::spawn(kind, folder.path(), &[], &[], SOUND);
    if kind == Kind::GraphServer {
        // The shutdown was whole: the overlay stands beside the snapshot.
        let names = fs::read_dir(folder.path().join("snapshot")).expect("the site");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let overlays = names.filter(|name| name.to_string_lossy().contains("overlay"));
        assert!(overlays.count() > 0, "{streams:?}");
        server.until_ready();
        let degrees = server.cloudctl(&["--json", "degrees", "--viewer", "1", "10", "20"]);
        assert_eq!(
            degrees.stdout.matches("\"first\"").count(),
            2,
            "{degrees:?}"
        );
    } else {
        server.until_ready();
        let published = server.cloudctl(&["--json", "connect", "1", "30", "--create"]);
        assert!(published.stdout.contains("\"scn\":11"), "{published:?}");
    }
    assert!(server.terminate().status.success());
}

#[test]
fn a_server_without_streams_serves_on_and_shuts_down_whole() {
    let mut runs = 0;
    for kind in [Kind::GraphServer, Kind::Relay] {
        let all = combinations();
        for some in all.chunks(2) {
            runs += some.len();
            thread::scope(|scope| {
                for &streams in some {
                    scope.spawn(move || check(kind, streams));
                }
            });
        }
    }
    println!("{runs} servers");
}
