//! A large site under a steady rate of transactions: it is built while the application writes, and
//! then follows.

use std::time::{Duration, Instant};

use cloud_client::Point;
use cloud_tests::{postgres::Postgres, rounds::rounds};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA},
    writer::{Writer, transaction_among},
};

/// The members of `make test` and of `make test-long`.
const MEMBERS: [usize; 2] = [50_000, 1_000_000];
/// The distances of the ids that are connected. No two of them make one pair.
const DISTANCES: [i64; 5] = [1, 7, 101, 1_009, 10_007];
const RATE_PER_SECOND: u32 = 1_000;
const WRITERS: u32 = 4;
/// The time that the writers go on after the server serves.
const FOLLOWED_SECONDS: [usize; 2] = [3, 30];
/// The time by which the site must reach the database.
const CATCH_UP_SECONDS: [usize; 2] = [60, 600];

/// The statements that fill the tables. The writers do not touch the last member, who has no
/// connections. The application finds the connections of a member that it
/// deletes by an index.
fn rows(members: i64) -> String {
    let links: String = DISTANCES
        .iter()
        .map(|distance| {
            format!(
                "INSERT INTO links
                 SELECT least(n, far), greatest(n, far), 'accepted',
                     '2015-01-01'::timestamptz + n * interval '97 seconds'
                 FROM generate_series(1, {members}) n,
                     LATERAL (SELECT (n + {distance} - 1) % {members} + 1) AS other (far);"
            )
        })
        .collect();
    format!(
        "INSERT INTO people (id, first_name, last_name, headline, city, skills, team)
             SELECT n, 'Given' || n, 'Family' || n % 5003, 'headline ' || n, 'City ' || n % 997,
                 ARRAY['sql', 'skill ' || n % 211], 'team ' || n % 7
             FROM generate_series(1, {members} + 1) n;
         INSERT INTO about SELECT n, 'the story of ' || n, 'field ' || n % 31
             FROM generate_series(1, {members}, 3) n;
         INSERT INTO jobs (person, employer, role, begun, over)
             SELECT n, 'Employer ' || n % 9001, 'Role ' || n % 53, '2001-02-03',
                 CASE n % 4 WHEN 1 THEN '2010-11-12'::date END
             FROM generate_series(1, {members}, 2) n;
         {links}
         CREATE INDEX links_two ON links (two);
         ANALYZE;"
    )
}

/// Returns a number of `make test`, or that of `make test-long`.
fn scaled([short, long]: [usize; 2]) -> u32 {
    u32::try_from(rounds(short, long)).expect("a small number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_site_is_built_and_follows_under_a_steady_rate() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    let members = i64::from(scaled(MEMBERS));
    let begun = Instant::now();
    postgres.execute(SCHEMA).await;
    postgres.execute(&rows(members)).await;
    println!("rows were written in {:.1?}", begun.elapsed());
    let mut site = CapturedSite::of_one_process(postgres);
    let within = Duration::from_secs(scaled(CATCH_UP_SECONDS).into());
    site.catch_up_within(within);

    let every = Duration::from_secs(1) * WRITERS / RATE_PER_SECOND;
    let began_writing = Instant::now();
    let writers: Vec<Writer> = (0..WRITERS)
        .map(|seed| {
            let transaction = move |random: &mut _| transaction_among(members, random);
            let address = site.postgres.address();
            Writer::start_with(&address, seed.into(), Some(every), transaction)
        })
        .collect();
    sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    site.serve();
    let built = begun.elapsed();
    sleep(Duration::from_secs(scaled(FOLLOWED_SECONDS).into())).await;
    let mut committed = 0;
    for writer in writers {
        committed += writer.stop().await;
    }
    let written = began_writing.elapsed();

    let begun = Instant::now();
    reach(&site, members + 1, within).await;
    let caught_up = begun.elapsed();
    let begun = Instant::now();
    let position = site.position().await;
    let expected = site.expected().await;
    let (members, connections) = (expected.members.len(), expected.connections.len());
    let found = site.content(position).await;
    found.check(&expected, || site.printed());
    println!(
        "{members} members, {connections} connections, {} positions: equal; compared in {:.1?}",
        expected.positions.len(),
        begun.elapsed()
    );
    println!(
        "{committed} transactions were committed, {:.0}/s; built in {built:.1?}; caught up in \
         {caught_up:.1?}",
        committed as f64 / written.as_secs_f64()
    );
}

/// Waits until a read of a member sees the end of the database's log.
async fn reach(site: &CapturedSite, viewer: i64, within: Duration) {
    let server = site.server.as_ref().expect("a server");
    let client = server.connect().await.client;
    let point = Point::source(site.source_id().await, site.position().await);
    let viewer = u64::try_from(viewer).expect("an id");
    let begun = Instant::now();
    // Each call waits up to the server's own deadline.
    while let Err(error) = client
        .clone()
        .at_least(point.clone())
        .network_sizes(viewer, false)
        .await
    {
        let printed = site.printed();
        assert!(
            begun.elapsed() < within,
            "{error}; capture printed:\n{printed}"
        );
    }
}
