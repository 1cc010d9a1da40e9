//! Kills the real server under load, and checks that no acknowledged change is lost.
//!
//! The signal is SIGKILL, and the load is writers and readers.
//!
//! In every second round the kill falls into one of many compactions. The log holds no window that
//! was never sent. The answers equal those of a server that replays the whole log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cloud_client::{Event, Published};
use cloud_proto::databus::v1::{AsOf, AtLeast, WindowPart, at_least};
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use cloud_tests::questions::Reader;
use cloud_tests::server::{COMPACTING, Connections, Server};
use cloud_tests::site;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const WRITERS: u64 = 4;
const READERS: u64 = 4;
/// The number of rounds between two checks of the whole log. The other checks begin where the last
/// one ended.
const WHOLE_EVERY: u64 = 50;
/// The least rate of acknowledged changes. Below it, the kills would hit an idle server.
const CHANGES_PER_SECOND_MIN: f64 = 200.0;

/// The windows that the writers sent, by source and offset, and those that were acknowledged, by
/// SCN.
#[derive(Default)]
struct Sent {
    sent: BTreeMap<(String, u64), WindowPart>,
    acknowledged: BTreeMap<u64, (String, u64)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_invented() {
    let (seed, rounds) = (
        7,
        if std::env::var_os("CLOUD_TEST_LONG").is_some() {
            1000
        } else {
            30
        },
    );
    println!("seed {seed}, {rounds} rounds");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = history::site(Shape::Uniform, 100, &mut random);
    site::build(&base, folder.path());
    site::copy(
        &folder.path().join("snapshot"),
        &folder.path().join("fresh/snapshot"),
    );
    let ids: Vec<u64> = base.members().map(|(id, _)| id).collect();
    let sent = Arc::new(Mutex::new(Sent::default()));

    let (mut under_load, mut checked) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let flags: &[&str] = if round % 2 == 0 { &[] } else { &COMPACTING };
        let server = Server::start_with(folder.path(), flags);
        let connections = server.connect().await;
        let from = if round % WHOLE_EVERY == 0 { 0 } else { checked };
        let windows = log(&connections, from).await;
        checked = windows.keys().next_back().copied().unwrap_or(from);
        let before = {
            let sent = sent.lock().expect("no writer panicked");
            check_log(&windows, from, &sent);
            sent.acknowledged.len()
        };
        let begun = Instant::now();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let random = ChaCha8Rng::seed_from_u64(seed ^ (round << 16) ^ (writer << 8));
                tokio::spawn(write(
                    connections.clone(),
                    format!("writer-{writer}"),
                    ids.clone(),
                    Arc::clone(&sent),
                    random,
                ))
            })
            .collect();
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let random = ChaCha8Rng::seed_from_u64(seed ^ (round << 16) ^ (reader << 8) ^ 1);
                let mut reader = Reader::new(connections.clone(), ids.clone(), random);
                // The task ends when it is aborted, or when the end of the server makes a request
                // panic.
                tokio::spawn(async move {
                    loop {
                        reader.ask().await;
                    }
                })
            })
            .collect();
        // The kill comes at a random number of acknowledged windows, not at a time: a slow machine
        // does the same work.
        let enough = before + random.random_range(50..250);
        while sent.lock().expect("no writer panicked").acknowledged.len() < enough {
            assert!(
                writers.iter().any(|writer| !writer.is_finished()),
                "every writer gave up before the kill"
            );
            tokio::task::yield_now().await;
        }
        readers.iter().for_each(|reader| reader.abort());
        server.kill();
        under_load += begun.elapsed();
        for writer in writers {
            writer.await.expect("a writer does not panic");
        }
    }

    let server = Server::start(folder.path());
    let connections = server.connect().await;
    let windows = log(&connections, 0).await;
    {
        let sent = sent.lock().expect("no writer panicked");
        check_log(&windows, 0, &sent);
        println!(
            "{} windows in the log, {} acknowledged, {} sent",
            windows.len(),
            sent.acknowledged.len(),
            sent.sent.len()
        );
        let acknowledged = sent.acknowledged.values();
        let changes: usize = acknowledged
            .map(|window| sent.sent[window].changes.len())
            .sum();
        let changes_per_second = changes as f64 / under_load.as_secs_f64();
        println!("{rounds} kills, {changes_per_second:.0} changes acknowledged a second");
        assert!(
            changes_per_second >= CHANGES_PER_SECOND_MIN,
            "{changes_per_second:.0} changes a second are too few to prove anything"
        );
    }

    // The model is compared with a server without overlay or live stores, which replays the whole
    // log.
    let mut model = base;
    for part in windows.values() {
        model.apply_window(part);
    }
    check_answers(&connections, &model, &windows, &ids).await;
    assert!(server.terminate().success(), "SIGTERM ends the server well");
    site::copy(&folder.path().join("log"), &folder.path().join("fresh/log"));
    let fresh = Server::start(&folder.path().join("fresh"));
    check_answers(&fresh.connect().await, &model, &windows, &ids).await;
    // The stopped server starts from its overlay, which holds everything: nothing is replayed.
    let (head, _) = windows.last_key_value().expect("something was written");
    assert!(
        folder
            .path()
            .join(format!("snapshot/overlay-{head:020}.bin"))
            .exists(),
        "no overlay at SCN {head}"
    );
    let restarted = Server::start(folder.path());
    check_answers(&restarted.connect().await, &model, &windows, &ids).await;
}

/// Publishes windows one after the other until the server has gone.
async fn write(
    connections: Connections,
    source: String,
    ids: Vec<u64>,
    sent: Arc<Mutex<Sent>>,
    mut random: ChaCha8Rng,
) {
    loop {
        let mut part = history::window(&ids, &mut random);
        part.source_id.clone_from(&source);
        {
            let mut sent = sent.lock().expect("no writer panicked");
            part.source_offset = sent
                .sent
                .range((source.clone(), 0)..=(source.clone(), u64::MAX))
                .next_back()
                .map_or(1, |((_, last), _)| last + 1);
            sent.sent
                .insert((source.clone(), part.source_offset), part.clone());
        }
        let offset = part.source_offset;
        let published = connections.admin.publish(history::to_publish(part)).await;
        let Ok(Published { as_of, repeat }) = published else {
            return;
        };
        let scn = as_of.scn;
        assert!(!repeat, "{source} {offset} was never sent before");
        sent.lock()
            .expect("no writer panicked")
            .acknowledged
            .insert(scn, (source.clone(), offset));
    }
}

/// Returns every window of the log above `after`, by SCN.
async fn log(connections: &Connections, after: u64) -> BTreeMap<u64, WindowPart> {
    let subscribed = connections.log.subscribe(after, &[], "").await;
    let mut events = subscribed.expect("a log");
    let (mut windows, mut head, mut last) = (BTreeMap::new(), None, after);
    while head.is_none_or(|head| last < head) {
        let event = events.next().await.expect("the log goes on");
        match event.expect("the log has no end") {
            Event::Heartbeat(heartbeat) => head = heartbeat.head.map(|head| head.scn).or(head),
            Event::Part(part) => {
                assert!(
                    part.last && part.part == 0,
                    "the windows sent here have one part"
                );
                assert!(last < part.scn, "SCNs increase");
                last = part.scn;
                windows.insert(part.scn, part);
            }
        }
    }
    windows
}

/// Checks that the log above `after` holds only windows that were sent, and all that were
/// acknowledged.
fn check_log(log: &BTreeMap<u64, WindowPart>, after: u64, sent: &Sent) {
    for (scn, (source, offset)) in sent.acknowledged.range(after + 1..) {
        let part = log
            .get(scn)
            .unwrap_or_else(|| panic!("{source} {offset} was acknowledged at {scn} and is lost"));
        assert_eq!(
            (&part.source_id, part.source_offset),
            (source, *offset),
            "another window stands at {scn}"
        );
    }
    for (scn, part) in log {
        let original = sent.sent.get(&(part.source_id.clone(), part.source_offset));
        let original = original.unwrap_or_else(|| panic!("the window at {scn} was never sent"));
        assert_eq!(
            (&part.changes, &part.commit_time),
            (&original.changes, &original.commit_time),
            "at {scn}"
        );
    }
}

/// Checks many random requests, all answered as of the end of the log.
async fn check_answers(
    connections: &Connections,
    model: &Model,
    windows: &BTreeMap<u64, WindowPart>,
    ids: &[u64],
) {
    let (&head, _) = windows.last_key_value().expect("something was written");
    let status = connections
        .admin
        .call(cloud_proto::cloud::v1::GetStatusRequest {})
        .await
        .expect("a status");
    let log_id = status.log_head.expect("a log").log_id;
    // Waits until search and profiles have reached the head, as for a caller that has read it
    // before.
    let at_least = Some(AtLeast {
        point: Some(at_least::Point::AsOf(AsOf {
            history: 0,
            log_id,
            scn: head,
        })),
    });
    let request = cloud_proto::cloud::v1::BatchGetProfilesRequest {
        anonymous: true,
        member_ids: ids.to_vec(),
        at_least,
        ..Default::default()
    };
    connections
        .client
        .call(request)
        .await
        .expect("profiles at the head");
    let members = model.members().count() as u64;
    let ends: usize = model
        .members()
        .map(|(_, member)| member.connections.len())
        .sum();
    assert_eq!(
        (status.members, status.connections),
        (members, ends as u64 / 2)
    );
    let random = ChaCha8Rng::seed_from_u64(head);
    let mut reader = Reader::new(connections.clone(), ids.to_vec(), random);
    let mut checked = 0;
    while checked < 500 {
        for record in reader.ask().await {
            assert_eq!(record.scn(), head, "{record:?}");
            record.check(model);
            checked += 1;
        }
    }
}
