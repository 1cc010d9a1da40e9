//! A server that gets no more descriptors while changes are published, as where its machine has no
//! more.
//!
//! The log and the profiles may then fail to open a file. The server serves on, and what it has
//! acknowledged is there once descriptors are free again. Connections never take the descriptors of
//! files: `process/probes.rs` fills the listeners.

use std::time::{Duration, Instant};

use cloud_client::{DegreesOptions, Error, Window, connection_added};
use cloud_proto::cloud::v1::Degree;
use cloud_proto::databus::v1::AsOf;
use cloud_tests::history::{self, Shape};
use cloud_tests::rounds::rounds;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use cloud_tests::until::until;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// A segment is full after some windows, so that the log opens files too.
const FLAGS: [&str; 2] = ["--log-segment-bytes", "4KiB"];
/// The members whose connections are published begin here.
const OTHERS: u64 = 1_000_000;

async fn publish(connections: &Connections, viewer: u64, other: u64) -> Result<AsOf, Error> {
    let window = Window::of([connection_added(viewer, other)]);
    Ok(connections.admin.publish(window).await?.as_of)
}

/// Checks that the viewer is connected to these members, and that their profiles are served.
async fn check(connections: &Connections, viewer: u64, others: &[u64], at_least: &AsOf) {
    let client = connections.client.at_least(at_least.clone());
    for page in others.chunks(500) {
        let degrees = until("the graph reaches the head", async || {
            let asked = client.degrees(viewer, page, DegreesOptions::default());
            asked.await.ok().map(|answer| answer.degrees)
        })
        .await;
        assert!(degrees.iter().all(|one| one.degree() == Degree::First));
        until("profiles reach the head", async || {
            client.profiles(page).await.ok()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_descriptors_loses_nothing_and_serves_on() {
    let time = Duration::from_secs(rounds(4, 60) as u64);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let random = &mut ChaCha8Rng::seed_from_u64(9);
    let model = history::site(Shape::Uniform, 50, random);
    let (viewer, _) = model.members().next().expect("a member");
    site::build(&model, folder.path());
    let server = Server::start_with(folder.path(), &FLAGS);
    let connections = server.connect().await;
    let mut head = publish(&connections, viewer, OTHERS).await.expect("sound");
    let (mut acknowledged, mut refused) = (vec![OTHERS], Vec::new());
    let begun = Instant::now();
    server.limit_descriptors(true);
    let mut other = OTHERS;
    while begun.elapsed() < time || refused.is_empty() {
        other += 1;
        match publish(&connections, viewer, other).await {
            Ok(as_of) => {
                head = as_of;
                acknowledged.push(other);
            }
            Err(error) => refused.push(error.to_string()),
        }
        if other.is_multiple_of(50) {
            // Files that were closed have given descriptors back.
            server.limit_descriptors(true);
            // The follower may wait for a descriptor too: the graph is served as far as it is.
            let answer = connections
                .client
                .degrees(viewer, &[OTHERS], DegreesOptions::default())
                .await;
            answer.expect("the graph is served");
        }
    }
    println!(
        "{} windows were acknowledged, {} refused, the last: {:?}",
        acknowledged.len(),
        refused.len(),
        refused.last()
    );
    server.limit_descriptors(false);
    until("there are descriptors again", async || {
        publish(&connections, viewer, OTHERS).await.ok()
    })
    .await;
    check(&connections, viewer, &acknowledged, &head).await;
    drop(connections);
    assert!(server.terminate().success(), "SIGTERM ends the server well");
    let server = Server::start(folder.path());
    check(&server.connect().await, viewer, &acknowledged, &head).await;
}
