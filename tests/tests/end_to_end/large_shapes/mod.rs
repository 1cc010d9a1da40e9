//! Huge shapes: a member with 1,000,000 connections, a clique of 1,000, a path of 1,000,000.
//!
//! Every request is answered correctly, or refused with the limit, within its deadline and within
//! the memory limit. Callers with light requests do not wait for callers with heavy ones.

mod questions;
mod shapes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use cloud_client::Error;
use cloud_proto::cloud::v1::{Degree, GetDegreesRequest, GetNetworkSizesRequest};
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use shapes::{CLIQUE_MEMBERS, HUB, LEAVES, PATH_MEMBERS, clique, leaf, path};
use tonic::Code;

/// The limit of the server's peak memory. It covers the binary, the mapped parts of the graph and
/// the index (some 60 MB), views, and the memory of one heavy request. None of these grows with the
/// number of requests.
const PEAK_MEMORY_BYTES_MAX: u64 = 256 << 20;

/// The snapshot, built once for all tests of this binary. It is in cargo's folder, where the next
/// run replaces it.
static SITE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("large-shapes");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("removes the last run's");
    }
    std::fs::create_dir_all(&folder).expect("creates");
    shapes::write_connections(&folder.join("connections.csv"));
    site::load(&folder, &["--connections", "connections.csv"], &[]);
    folder
});

/// Returns a folder for one server with the shared snapshot as hard links, since files of a
/// snapshot never change. The files beside the snapshot, above all its lock, belong to each server.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in(&*SITE).expect("a temporary folder");
    let name = cloud_engine::snapshot_name(0, cloud_model::Scn::BEGINNING);
    let site = folder.path().join("snapshot");
    std::fs::create_dir(&site).expect("creates");
    link_all(&SITE.join("snapshot").join(&name), &site.join(&name));
    folder
}

fn link_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("creates");
    for entry in std::fs::read_dir(from).expect("reads") {
        let from: PathBuf = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            link_all(&from, &to);
        } else {
            std::fs::hard_link(&from, &to).expect("links");
        }
    }
}

/// Returns one viewer of each kind, and those where the shapes meet.
fn viewers() -> [u64; 10] {
    [
        HUB,
        leaf(1),
        leaf(2),
        leaf(3),
        leaf(LEAVES),
        clique(1),
        clique(CLIQUE_MEMBERS),
        path(1),
        path(PATH_MEMBERS / 2),
        path(PATH_MEMBERS),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_about_a_huge_shape_is_answered_right() {
    let folder = folder();
    let server = Server::start(folder.path());
    let connections = server.connect().await;
    for viewer in viewers() {
        for (call, outcome) in questions::ask_all(&connections, viewer).await {
            if let Err(status) = outcome {
                panic!("{call} of {viewer}: {status:?}");
            }
        }
    }
    let peak = server.peak_memory_bytes();
    println!("peak memory {} MiB", peak >> 20);
    assert!(peak <= PEAK_MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_low_budget_refuses_with_the_limit_and_nothing_else() {
    const EDGES_MAX: &str = "100000";
    let folder = folder();
    let server =
        Server::try_start(folder.path(), &["--request-edges-max", EDGES_MAX]).expect("it starts");
    let connections = server.connect().await;
    let mut refused: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for viewer in viewers() {
        for (call, outcome) in questions::ask_all(&connections, viewer).await {
            let Err(status) = outcome else {
                continue;
            };
            assert_eq!(
                status.code(),
                Code::FailedPrecondition,
                "{call} of {viewer}: {status:?}"
            );
            let info = status.failure().expect("a refusal");
            assert_eq!(
                (info.reason.as_str(), info.metadata["limit"].as_str()),
                ("EDGES_EXHAUSTED", EDGES_MAX),
                "{call} of {viewer}"
            );
            refused.entry(viewer).or_default().push(call);
        }
    }
    println!("{refused:?}");
    for viewer in [HUB, leaf(1), leaf(LEAVES), clique(CLIQUE_MEMBERS)] {
        let calls = &refused[&viewer];
        assert!(calls.contains(&"GetNetworkSizes"), "{viewer}: {calls:?}");
    }
    // Requests are refused only if they name the hub itself: its distance from here follows from
    // its connections.
    for viewer in [path(PATH_MEMBERS / 2), path(PATH_MEMBERS)] {
        assert_eq!(refused[&viewer], ["GetDegrees", "BeginSession"], "{viewer}");
    }
}

/// Requests the heavier of two kinds of load.
async fn third_degree_size(connections: &Connections, viewer_id: u64) -> Result<(), Error> {
    let request = GetNetworkSizesRequest {
        viewer_id,
        third: true,
        at_least: None,
    };
    let client = connections.client.timeout(Duration::from_secs(60));
    let sizes = client.call(request).await?;
    assert_eq!((sizes.first, sizes.third), (1, Some(2)), "{viewer_id}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_third_degree_sizes_does_not_delay_others() {
    const HEAVY_AT_A_TIME: u64 = 200;
    const LIGHT: usize = 2_000;
    let folder = folder();
    let server = Server::start(folder.path());
    let heavy_connections = server.connect().await;
    let over = Arc::new(AtomicBool::new(false));
    let heavy_answered = Arc::new(AtomicUsize::new(0));
    // As soon as one request is answered, the next takes its place: the queue is never empty.
    let heavy: Vec<_> = (0..HEAVY_AT_A_TIME)
        .map(|caller| {
            let (connections, over, answered) = (
                heavy_connections.clone(),
                Arc::clone(&over),
                Arc::clone(&heavy_answered),
            );
            tokio::spawn(async move {
                let mut viewer = 10 + caller;
                while !over.load(Ordering::Relaxed) {
                    // Heavy requests run only if no other work is waiting, so some miss their
                    // deadlines. While those still hold their places in the queue, there may be no
                    // place for the next.
                    match third_degree_size(&connections, leaf(viewer)).await {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(status) => assert!(
                            matches!(
                                status.code(),
                                Code::DeadlineExceeded | Code::ResourceExhausted
                            ),
                            "{status:?}"
                        ),
                    }
                    viewer += HEAVY_AT_A_TIME;
                }
            })
        })
        .collect();
    while heavy_answered.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let before = heavy_answered.load(Ordering::Relaxed);
    let others = server.connect().await;
    for asked in 1..=LIGHT {
        let middle = 1_000 + asked as u64;
        let request = GetDegreesRequest {
            viewer_id: path(middle),
            member_ids: vec![path(middle + 2), path(middle - 3), clique(5)],
            ..Default::default()
        };
        let answer = others
            .client
            .call(request)
            .await
            .expect("answered before its deadline");
        let degrees: Vec<_> = answer
            .degrees
            .iter()
            .map(|member| member.degree())
            .collect();
        assert_eq!(
            degrees,
            [Degree::Second, Degree::Third, Degree::OutOfNetwork]
        );
        // A request that waited behind the queue would be passed by 200 heavy ones.
        let heavy = heavy_answered.load(Ordering::Relaxed) - before;
        assert!(
            heavy < 200 + 10 * asked,
            "{heavy} heavy requests were answered beside {asked} others"
        );
    }
    println!(
        "{} heavy requests beside {LIGHT} others",
        heavy_answered.load(Ordering::Relaxed) - before
    );
    over.store(true, Ordering::Relaxed);
    for caller in heavy {
        caller
            .await
            .expect("every heavy request is answered, or told that its time is over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_has_no_place_for_is_refused_at_once() {
    const PLACES: &str = "8";
    const ASKED: u64 = 64;
    let folder = folder();
    let server =
        Server::try_start(folder.path(), &["--queued-requests-max", PLACES]).expect("it starts");
    let connections = server.connect().await;
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let asked: Vec<_> = (0..ASKED)
        .map(|caller| {
            let (connections, outcomes) = (connections.clone(), Arc::clone(&outcomes));
            tokio::spawn(async move {
                let outcome = third_degree_size(&connections, leaf(10 + caller)).await;
                outcomes.lock().expect("no panic").push(outcome);
            })
        })
        .collect();
    for caller in asked {
        caller.await.expect("an answer");
    }
    let outcomes = outcomes.lock().expect("no panic");
    let refused: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .collect();
    for status in &refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        let info = status.failure().expect("a refusal");
        assert_eq!(
            (info.reason.as_str(), info.metadata["limit"].as_str()),
            ("BUSY", PLACES)
        );
    }
    let answered = outcomes.len() - refused.len();
    println!("{answered} answered, {} refused", refused.len());
    assert!(
        answered >= 1 && refused.len() >= 8,
        "{answered} answered, {} refused",
        refused.len()
    );
    // A refusal does not wait for the queue: the last outcome to arrive is an answer.
    assert!(outcomes.last().expect("64").is_ok());
}
