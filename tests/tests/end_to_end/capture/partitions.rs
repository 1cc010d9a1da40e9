//! Partitions that come and go while the application writes. A partition with rows that is attached
//! or detached ends capture, and the site is then as the stream of changes left it: that of a
//! database in which the same transactions are run again, up to the last one of the site.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cloud_tests::postgres::Postgres;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::{task::JoinHandle, time::sleep};
use tokio_postgres::{Client, error::SqlState};

use super::{
    site::{CapturedSite, SCHEMA, ends_with, of_database},
    writer::{Writer, transaction},
};

/// The table of connections, and what it becomes.
const PLAIN: &str = "status text NOT NULL, since timestamptz, PRIMARY KEY (one, two));";
const PARTITIONED: &str = "status text NOT NULL, since timestamptz, PRIMARY KEY (one, two))
        PARTITION BY RANGE (one);
    CREATE TABLE links_near PARTITION OF links FOR VALUES FROM (0) TO (301);
    CREATE TABLE links_far PARTITION OF links FOR VALUES FROM (301) TO (1001);";
const PUBLISHED: &str = "CREATE PUBLICATION cloud FOR TABLE people, about, jobs, links;";
const PUBLISHED_BY_ROOT: &str = "CREATE PUBLICATION cloud FOR TABLE people, about, jobs, links
        WITH (publish_via_partition_root = true);";

/// Members that the writers do not touch, and the one that has the number of the last transaction.
const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(301, 350) n;
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1001, 1010) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(301, 349) n;
    INSERT INTO people (id, first_name, last_name, city) VALUES (1000000, 'The', 'last', '0');
";
const NUMBERED: &str = "1000000";
/// The place of a member in the content of a site, for the column `city`.
const CITY: usize = 5;

/// A second database with the same history.
const REPLAYED: &str = "replayed";
const SEED: u64 = 21;

fn schema() -> String {
    let schema = SCHEMA.replace(PLAIN, PARTITIONED);
    schema.replace(PUBLISHED, PUBLISHED_BY_ROOT) + PEOPLE
}

/// Builds a site whose connections are partitioned, and captures it. `None` if there is no
/// PostgreSQL.
async fn captured() -> Option<CapturedSite> {
    let postgres = Postgres::start().await?;
    postgres.execute(&schema()).await;
    let mut site = CapturedSite::build(postgres);
    site.capture();
    Some(site)
}

/// A writer whose transactions have numbers.
struct NumberedWriter {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl NumberedWriter {
    fn start(client: Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            // If it waits for a change of the tables that waits for it, that one fails.
            let patient = client.batch_execute("SET deadlock_timeout = '1min'");
            patient.await.expect("a setting");
            let mut random = ChaCha8Rng::seed_from_u64(SEED);
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                run(&client, &mut random, number).await;
            }
            number
        });
        Self { stop, task }
    }

    /// Stops writing, and returns the number of the last transaction.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the writer ends")
    }
}

/// Runs the next transaction of the history.
async fn run(client: &Client, random: &mut ChaCha8Rng, number: u64) {
    let end = format!("UPDATE people SET city = '{number}' WHERE id = {NUMBERED}; COMMIT;");
    let text = transaction(random).replace("COMMIT;", &end);
    let outcome = client.batch_execute(&text).await;
    outcome.unwrap_or_else(|error| panic!("{text}: {error:?}"));
}

/// Changes a table while transactions hold locks. The change fails if it and one of them wait for
/// each other, and is tried again.
async fn change_table(postgres: &Postgres, statement: &str) {
    let client = postgres.connect().await;
    let first = client.batch_execute("SET deadlock_timeout = '10ms'").await;
    first.expect("a setting");
    while let Err(error) = client.batch_execute(statement).await {
        let is_deadlock = error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED);
        assert!(is_deadlock, "{statement}: {error:?}");
    }
}

/// Runs the history again in another database, up to a transaction.
async fn replay(postgres: &Postgres, last: u64) {
    postgres.create_database(REPLAYED).await;
    postgres.execute_in(REPLAYED, &schema()).await;
    let client = postgres.connect_to(REPLAYED).await;
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for number in 1..=last {
        run(&client, &mut random, number).await;
    }
}

/// Checks that a change under load ends capture with these words, and leaves a site that is exactly
/// that of a transaction.
async fn ends_capture(prepare: &str, change: &str, words: &str) {
    let Some(mut site) = captured().await else {
        return;
    };
    site.postgres.execute(prepare).await;
    let writer = NumberedWriter::start(site.postgres.connect().await);
    sleep(Duration::from_secs(1)).await;
    change_table(&site.postgres, change).await;
    ends_with(&mut site, &["public.links", words, "bootstrap again"]);
    let committed = writer.stop().await;
    site.capture();
    ends_with(&mut site, &["public.links", words, "bootstrap again"]);

    let found = site.content_now().await;
    let numbered = found.members.iter().find(|member| member[0] == NUMBERED);
    let last = numbered.and_then(|member| member[CITY].parse().ok());
    let last: u64 = last.expect("a number");
    println!("{last} of {committed} transactions are in the site");
    assert!(0 < last && last < committed);
    replay(&site.postgres, last).await;
    let expected = of_database(&site.postgres, REPLAYED).await;
    found.check(&expected, || site.printed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_attached_with_rows_ends_capture() {
    ends_capture(
        "CREATE TABLE links_new (LIKE links INCLUDING ALL);
         INSERT INTO links_new SELECT n, n + 1, 'accepted', '2020-01-01'
             FROM generate_series(1001, 1009) n;",
        "ALTER TABLE links ATTACH PARTITION links_new FOR VALUES FROM (1001) TO (2001)",
        "a table with rows was attached as a partition",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_detached_ends_capture() {
    ends_capture(
        "",
        "ALTER TABLE links DETACH PARTITION links_far",
        "a partition was detached or dropped",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_truncated_ends_capture() {
    ends_capture("", "TRUNCATE links_far", "a partition was truncated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_another_replica_identity_ends_capture() {
    ends_capture(
        "",
        "ALTER TABLE links_far REPLICA IDENTITY FULL",
        "the replica identity of a partition is FULL",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_made_empty_is_captured() {
    let Some(site) = captured().await else {
        return;
    };
    let writer = Writer::start(&site.postgres.address(), 22);
    sleep(Duration::from_millis(500)).await;
    change_table(
        &site.postgres,
        "CREATE TABLE links_new PARTITION OF links FOR VALUES FROM (1001) TO (2001)",
    )
    .await;
    let rows = "INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01'
                FROM generate_series(1001, 1009) n";
    site.postgres.execute(rows).await;
    // The catalogue is checked each second.
    sleep(Duration::from_millis(1500)).await;
    writer.stop().await;
    site.check().await;
}
