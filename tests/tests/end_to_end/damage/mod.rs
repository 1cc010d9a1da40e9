//! Damage of every kind to every file of a site, at the start and while the server runs.
//!
//! A start serves rightly, falls back to an earlier snapshot, rebuilds what can be made again, or
//! refuses by the name of the file. It never hangs, and never serves anything wrong.

mod file;
mod kind;
mod site;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use cloud_tests::rounds::rounds;
use cloud_tests::server::Server;
use cloud_tests::until::until;
use file::{File, Group, files};
use kind::Kind;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use site::{Served, Site};

/// The outcome that a start must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Every answer is right.
    Right,
    /// The graph is served. Profiles and search are too, or a reason names the file.
    GraphAtLeast,
    /// The graph is served, and the reason why nothing else is names the file.
    GraphAlone,
    /// The server ends, and its log names the file.
    Refused,
}

/// Returns the outcome that a start must have if a file is damaged.
fn expected(file: &File, kind: Kind, has_older: bool) -> Outcome {
    if kind == Kind::Link {
        return Outcome::Right;
    }
    match file.group {
        Group::Graph | Group::People | Group::Copy if has_older && kind != Kind::Flipped => {
            Outcome::Right
        }
        // Blocks of times and records of profiles are verified when they are read.
        Group::Graph if file.is_named("times.bin") && kind == Kind::Flipped => {
            Outcome::GraphAtLeast
        }
        Group::People if file.is_named("profiles.bin") && kind == Kind::Flipped => {
            Outcome::GraphAtLeast
        }
        Group::Graph | Group::People | Group::Copy if has_older => Outcome::Right,
        Group::Graph => Outcome::Refused,
        Group::People | Group::Copy => Outcome::GraphAlone,
        Group::Live | Group::Overlay => Outcome::Right,
        Group::Log => Outcome::Refused,
        Group::Lock if kind.is_plain() => Outcome::Right,
        Group::Lock => Outcome::Refused,
    }
}

/// Returns how long the start took.
async fn check(site: &Site, file: &File, kind: Kind, has_older: bool) -> Duration {
    let trial = site.copy(has_older);
    if file.group == Group::Copy {
        fs::remove_dir_all(trial.path().join("snapshot/live")).expect("live stores");
    }
    kind.apply(&trial.path().join(&file.path));
    let expected = expected(file, kind, has_older);
    let what = format!("{kind:?} {} (older: {has_older})", file.path.display());
    println!("{what}: {expected:?}");
    let start = Instant::now();
    let started = Site::try_start(trial.path(), &what).await;
    let took = start.elapsed();
    let name = file.name();
    match (started, expected) {
        (Err(log), Outcome::Refused) => {
            // A log that is gone is named by its folder.
            let folder = file.folder();
            assert!(log.contains(name) || log.contains(folder), "{what}: {log}");
        }
        (Ok(server), Outcome::Right) => site.check(&server, &what).await,
        (Ok(server), outcome) => match site.check_graph(&server, &what).await {
            Served::Everything => assert_eq!(outcome, Outcome::GraphAtLeast, "{what}"),
            Served::GraphAlone(why) => assert!(why.contains(name), "{what}: {why}"),
        },
        (Err(log), _) => panic!("{what}: the server did not start: {log}"),
    }
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_serves_falls_back_rebuilds_or_refuses_by_name() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let site = Site::build().await;
    let files = files(site.path());
    if rounds(0, 1) == 1 {
        let mut longest = Duration::ZERO;
        for file in &files {
            for kind in Kind::ALL {
                for has_older in [true, false] {
                    let took = check(&site, file, kind, has_older).await;
                    longest = longest.max(took);
                }
            }
        }
        println!("the longest start: {longest:?}");
        return;
    }
    // Each kind meets each group, at a file by chance.
    for kind in Kind::ALL {
        for group in Group::ALL {
            let of_group: Vec<_> = files.iter().filter(|file| file.group == group).collect();
            let file = of_group.choose(&mut random).expect("each group has files");
            check(&site, file, kind, random.random_bool(0.5)).await;
        }
    }
}

/// Something that happens to the live stores while the server runs.
type Accident = (&'static str, fn(&Path));

const ACCIDENTS: [Accident; 6] = [
    ("the index is gone", |live| {
        fs::remove_dir_all(live.join("search")).expect("an index");
    }),
    ("a file is where the index was", |live| {
        fs::remove_dir_all(live.join("search")).expect("an index");
        fs::write(live.join("search"), "x").expect("a file");
    }),
    ("the list of segments is damaged", |live| {
        fs::remove_file(live.join("search/meta.json")).expect("a list");
        fs::write(live.join("search/meta.json"), "{").expect("a list");
    }),
    ("the profiles are gone", |live| {
        fs::remove_file(live.join("profiles.redb")).expect("profiles");
    }),
    ("a FIFO is where the profiles were", |live| {
        Kind::Fifo.apply(&live.join("profiles.redb"));
    }),
    ("everything is gone", |live| {
        fs::remove_dir_all(live).expect("live stores");
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_stores_are_made_again_while_the_server_runs() {
    let mut site = Site::build().await;
    let copy = site.copy(true);
    let server = Server::start(copy.path());
    for (what, happens) in ACCIDENTS {
        println!("{what}");
        happens(&copy.path().join("snapshot/live"));
        for _ in 0..3 {
            site.publish(&server).await;
        }
        // Nothing is acknowledged that search does not show in the end.
        until(what, async || site.is_current(&server).await.then_some(())).await;
        site.check(&server, what).await;
    }
    assert!(server.terminate().success(), "SIGTERM ends the server well");
    let server = Server::start(copy.path());
    site.check(&server, "after a restart").await;
}
