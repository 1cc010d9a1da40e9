//! Compares every query under concurrent changes with the model at the SCN that the answer states.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud_proto::cloud::v1::GetStatusRequest;
use cloud_proto::databus::v1::{AsOf, WindowPart};
use cloud_tests::history::{self, Shape};
use cloud_tests::questions::Reader;
use cloud_tests::record::Record;
use cloud_tests::server::{Connections, Server};
use cloud_tests::site;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

const MEMBERS: usize = 60;
const READERS: u64 = 3;

/// The number of windows after which a snapshot is taken.
const SNAPSHOT_WINDOWS: u64 = 30;

/// The owner of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The server that is queried.
    Server,
    /// A relay, which the server follows.
    Relay,
}

async fn check(shape: Shape, seed: u64, owner: Owner) {
    check_with(shape, seed, owner, false, &[]).await;
}

/// Runs the same check while the graph is compacted into new bases, one after the other.
async fn check_compacting(shape: Shape, seed: u64, owner: Owner) {
    let compactions = check_with(shape, seed, owner, true, &[]).await;
    assert!(compactions >= 4, "only {compactions} compactions");
}

/// Runs the check, and returns the number of compactions.
async fn check_with(
    shape: Shape,
    seed: u64,
    owner: Owner,
    compacting: bool,
    flags: &[&str],
) -> u64 {
    println!("{shape:?}, seed {seed}, the log is the {owner:?}'s");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut model = history::site(shape, MEMBERS, &mut random);
    site::build(&model, folder.path());
    // Some of the members are not in the snapshot.
    let mut ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
    ids.extend((1..10).map(|new| 1_000_003 * new));

    let relay = (owner == Owner::Relay).then(|| {
        let lineage = site::lineage(&folder.path().join("snapshot"));
        Server::relay(folder.path(), &lineage, [0, 0], &[])
    });
    let server = match &relay {
        Some(relay) => Server::try_follow(folder.path(), relay.public(), flags)
            .unwrap_or_else(|log| panic!("the server did not start:\n{log}")),
        None => Server::start_with(folder.path(), flags),
    };
    let connections = server.connect().await;
    let publishes = match &relay {
        Some(relay) => relay.connect().await,
        None => connections.clone(),
    };
    let finished = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            tokio::spawn(read(
                connections.clone(),
                ids.clone(),
                seed ^ (reader << 32),
                Arc::clone(&finished),
            ))
        })
        .collect();
    let mut windows: BTreeMap<u64, WindowPart> = BTreeMap::new();
    let windows_published = if std::env::var_os("CLOUD_TEST_LONG").is_some() {
        5_000
    } else {
        150
    };
    let mut taking: Option<tokio::task::JoinHandle<()>> = None;
    for window in 1..=windows_published {
        let part = history::window(&ids, &mut random);
        let published = publishes
            .admin
            .publish(history::to_publish(part.clone()))
            .await;
        let as_of = published.expect("published").as_of;
        windows.insert(as_of.scn, part);
        if compacting && window % SNAPSHOT_WINDOWS == 0 {
            // Publishing continues meanwhile, but not beyond the next snapshot.
            let snapshot = tokio::spawn(take_snapshot(connections.clone(), as_of));
            if let Some(before) = taking.replace(snapshot) {
                before.await.expect("a snapshot is taken");
            }
        }
    }
    if let Some(last) = taking {
        last.await.expect("a snapshot is taken");
    }
    finished.store(true, Ordering::Release);
    let mut records: Vec<Record> = Vec::new();
    for reader in readers {
        records.extend(reader.await.expect("a reader does not panic"));
    }
    assert!(
        records.len() > 200,
        "only {} answers: too few to prove anything",
        records.len()
    );

    records.sort_by_key(Record::scn);
    let (mut answers, mut moments) = (records.iter().peekable(), 0);
    let beginning = (0, WindowPart::default());
    for (scn, part) in [beginning].into_iter().chain(windows) {
        model.apply_window(&part);
        let mut here = 0;
        while let Some(record) = answers.next_if(|record| record.scn() == scn) {
            record.check(&model);
            here += 1;
        }
        moments += u64::from(here > 0);
    }
    assert!(
        answers.next().is_none(),
        "an answer states an SCN that nothing was published at"
    );
    let status = connections.admin.call(GetStatusRequest {}).await;
    let compactions = status.expect("a status").compaction;
    let compactions = compactions.unwrap_or_default().completed;
    println!(
        "{shape:?}: {} answers at {moments} SCNs, {compactions} compactions",
        records.len()
    );
    compactions
}

/// Waits for a snapshot at `as_of` or above.
async fn take_snapshot(connections: Connections, as_of: AsOf) {
    let scn = as_of.scn;
    let admin = connections.admin.timeout(Duration::from_secs(60));
    let taken = admin.take_snapshot(Some(as_of.into())).await;
    let taken = taken.expect("a snapshot");
    assert!(taken.as_of.expect("where it stands").scn >= scn);
}

async fn read(
    connections: Connections,
    ids: Vec<u64>,
    seed: u64,
    finished: Arc<AtomicBool>,
) -> Vec<Record> {
    let reader = Reader::new(connections, ids, ChaCha8Rng::seed_from_u64(seed));
    let mut reader = reader.at_least_as_new();
    let mut records = Vec::new();
    let mut last = HashMap::new();
    while !finished.load(Ordering::Acquire) || records.len() < 100 {
        for record in reader.ask().await {
            let newest = last.entry(std::mem::discriminant(&record)).or_insert(0);
            assert!(
                *newest <= record.scn(),
                "the SCNs of one call went backwards: {newest}, then {}",
                record.scn()
            );
            *newest = record.scn();
            records.push(record);
        }
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_on_an_empty_graph() {
    check(Shape::Empty, 1, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_on_a_uniform_graph() {
    check(Shape::Uniform, 2, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_under_preferential_attachment() {
    check(Shape::PreferentialAttachment, 3, Owner::Server).await;
}

/// If views count as large work, small pages of well-connected members are answered without one. A
/// request that turns out to be large on the way starts again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_where_little_is_done_at_once() {
    let flags = ["--inline-edges-max", "100"];
    let shape = Shape::PreferentialAttachment;
    check_with(shape, 15, Owner::Server, false, &flags).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_on_a_star() {
    check(Shape::Star, 4, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_on_a_clique() {
    check(Shape::Clique, 5, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_on_a_path() {
    check(Shape::Path, 6, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_a_server_that_follows_a_relay_equal_the_model() {
    check(Shape::PreferentialAttachment, 7, Owner::Relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_through_compactions_of_a_uniform_graph() {
    check_compacting(Shape::Uniform, 12, Owner::Server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_through_compactions_under_preferential_attachment() {
    check_compacting(Shape::PreferentialAttachment, 13, Owner::Relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_the_model_through_compactions_of_a_star() {
    check_compacting(Shape::Star, 14, Owner::Server).await;
}
