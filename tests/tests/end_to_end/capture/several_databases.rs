//! A site whose members are in one database, and their connections in another.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cloud_client::Point;
use cloud_tests::{content::Content, postgres::Postgres, rounds::rounds};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{task::JoinHandle, time::sleep};

use super::site::{CapturedSite, MAPPING, SCHEMA, lsn, queried};

const PEOPLE: i64 = 200;
/// The time limit of the wait for the second database. Each call waits up to the server's deadline.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The tables of the second database.
const SECOND_SCHEMA: &str = "
    CREATE TABLE links (
        one bigint NOT NULL, two bigint NOT NULL, status text NOT NULL, since timestamptz,
        PRIMARY KEY (one, two));
    CREATE PUBLICATION cloud FOR TABLE links;
";

/// The connections of the second database.
const LINKS_ALONE: &str = "
    SELECT one::text, two::text, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')
    FROM links WHERE status = 'accepted'";

/// Connects and separates random people until it is stopped.
fn write_links(address: String, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls)
            .await
            .expect("the second database");
        tokio::spawn(connection);
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut committed = 0;
        while !stop.load(Ordering::Relaxed) {
            let one = random.random_range(1..PEOPLE);
            let two = random.random_range(one + 1..=PEOPLE);
            let statement = match random.random_range(0..4) {
                0 => format!("DELETE FROM links WHERE one = {one} AND two % 3 = 0"),
                1 => format!("UPDATE links SET status = 'ended' WHERE one = {one}"),
                _ => format!(
                    "INSERT INTO links VALUES ({one}, {two}, 'accepted', '2020-01-01')
                     ON CONFLICT (one, two) DO UPDATE SET status = excluded.status"
                ),
            };
            client
                .batch_execute(&statement)
                .await
                .expect("it is committed");
            committed += 1;
        }
        committed
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_database_is_copied_into_a_running_site_and_followed() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    let second = postgres.create_database("network").await;
    postgres.execute_in("network", SECOND_SCHEMA).await;
    let people = format!(
        "INSERT INTO people (id, first_name, last_name)
             SELECT n, 'given' || n, 'family' FROM generate_series(1, {PEOPLE}) n;
         INSERT INTO jobs (person, employer) SELECT n, 'Employer' FROM generate_series(1, 9) n"
    );
    postgres.execute(&people).await;
    let links = "INSERT INTO links SELECT n, n + 1, 'accepted', '2019-01-01'
                 FROM generate_series(1, 100) n";
    postgres.execute_in("network", links).await;

    let mut site = CapturedSite::of_one_process(postgres);
    let (of_members, of_links) = MAPPING.split_at(MAPPING.find("[[connections]]").expect("links"));
    fs::write(site.folder.path().join("mapping.toml"), of_members).expect("a mapping");
    site.serve();

    let stop = Arc::new(AtomicBool::new(false));
    let writer = write_links(second.clone(), Arc::clone(&stop));
    sleep(Duration::from_millis(300)).await;
    let mapping = site.folder.path().join("links.toml");
    fs::write(&mapping, of_links).expect("a mapping");
    let state = site.folder.path().join("second");
    let arguments = [
        "--slot",
        "second",
        "--copy",
        "--state",
        state.to_str().expect("a path"),
    ];
    let mut capture = site.spawn_of(&second, &mapping, &arguments);
    for _ in 0..3 {
        sleep(Duration::from_millis(700)).await;
        site.postgres
            .execute("UPDATE people SET headline = clock_timestamp()::text WHERE id % 3 = 0")
            .await;
        // Capture of the second database goes on where it was, and copies nothing again.
        capture.kill().expect("it runs");
        capture.wait().expect("it ends");
        capture = site.spawn_of(&second, &mapping, &arguments);
    }
    stop.store(true, Ordering::Relaxed);
    let committed = writer.await.expect("the writer ends");

    check(&site).await;
    println!("{committed} transactions were committed in the second database");
    capture.kill().expect("it runs");
    capture.wait().expect("it ends");
}

/// The rows are more than one window holds, so a copy that is killed has sent some of them. What is
/// deleted before the next one must not stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_killed_is_made_again() {
    if rounds(0, 1) == 0 {
        return;
    }
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    let second = postgres.create_database("network").await;
    postgres.execute_in("network", SECOND_SCHEMA).await;
    let people = "INSERT INTO people (id, first_name, last_name)
                  SELECT n, 'given' || n, 'family' FROM generate_series(1, 20000) n;
                  INSERT INTO jobs (person, employer, begun)
                  VALUES (1, 'Employer', '2001-01-01');";
    postgres.execute(people).await;
    let links = "INSERT INTO links SELECT n, n + step, 'accepted', '2019-01-01'
                 FROM generate_series(1, 19900) n, generate_series(1, 60) step";
    postgres.execute_in("network", links).await;
    let mut site = CapturedSite::of_one_process(postgres);
    let (of_members, of_links) = MAPPING.split_at(MAPPING.find("[[connections]]").expect("links"));
    fs::write(site.folder.path().join("mapping.toml"), of_members).expect("a mapping");
    site.serve();
    let mapping = site.folder.path().join("links.toml");
    fs::write(&mapping, of_links).expect("a mapping");
    let state = site.folder.path().join("second");
    let state = state.to_str().expect("a path");
    let arguments = ["--slot", "second", "--copy", "--state", state];
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut sent = Vec::new();
    for round in 0..8 {
        let mut capture = site.spawn_of(&second, &mapping, &arguments);
        sleep(Duration::from_millis(random.random_range(500..9_000))).await;
        capture.kill().expect("it runs");
        capture.wait().expect("it ends");
        sent.push(site.head().await);
        let delete = format!("DELETE FROM links WHERE (one + two) % 41 = {round}");
        site.postgres.execute_in("network", &delete).await;
    }
    let mut capture = site.spawn_of(&second, &mapping, &arguments);
    check(&site).await;
    println!("the log's head after each kill: {sent:?}");
    capture.kill().expect("it runs");
    capture.wait().expect("it ends");
}

/// Checks that the site has the members of the first database, and the connections of the second.
async fn check(site: &CapturedSite) {
    let position = "SELECT pg_current_wal_lsn()::text";
    let position = lsn(&site.postgres.value_in("network", position).await);
    let source = site.source_id().await.replace("/postgres", "/network");
    let client = site
        .server
        .as_ref()
        .expect("a server")
        .connect()
        .await
        .client;
    let point = Point::source(source, position);
    let client = client.at_least(point);
    let begun = Instant::now();
    while let Err(error) = client.network_sizes(1, false).await {
        let printed = site.printed();
        assert!(begun.elapsed() < WAIT_MAX, "{error}: {printed}");
    }

    let expected = site.expected().await;
    assert!(expected.connections.is_empty());
    let connections = queried(&site.postgres, "network", LINKS_ALONE).await;
    assert!(!connections.is_empty());
    let found = site.content(site.position().await).await;
    let expected = Content {
        connections,
        ..expected
    };
    found.check(&expected, || site.printed());
}
