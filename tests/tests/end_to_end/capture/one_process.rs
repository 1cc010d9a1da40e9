//! A server with a core database: one process builds the site, owns the log, and captures.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use cloud_client::Point;
use cloud_engine::newest_snapshots;
use cloud_tests::{http, postgres::Postgres, rounds::rounds, server::Server};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA},
    writer::Writer,
};

const PEOPLE: &str = "
    INSERT INTO people (id, first_name, last_name)
        SELECT n, 'given' || n, 'family' FROM generate_series(1, 500) n;
    INSERT INTO links SELECT n, n + 1, 'accepted', '2020-01-01' FROM generate_series(1, 499) n;
    INSERT INTO jobs (person, employer, begun)
        SELECT n, 'Employer', '2001-01-01' FROM generate_series(1, 50) n;
";

/// Returns a site whose database has some members. `None` if there is no PostgreSQL.
async fn site() -> Option<CapturedSite> {
    let postgres = Postgres::start().await?;
    postgres.execute(SCHEMA).await;
    postgres.execute(PEOPLE).await;
    Some(CapturedSite::of_one_process(postgres))
}

/// Returns the number of slots.
async fn slots(site: &CapturedSite) -> String {
    let query = "SELECT count(*)::text FROM pg_replication_slots";
    site.postgres.value(query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_equals_the_database_though_the_server_is_killed_at_any_moment() {
    let Some(mut site) = site().await else {
        return;
    };
    let writers = [1, 2].map(|seed| Writer::start(&site.postgres.address(), seed));
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let database = site.postgres.address();
    for round in 0..rounds(6, 40) {
        let mut command = Server::with_database(&database, site.folder.path(), &[]);
        let mut server = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("graph-server runs");
        // The first ones do not finish the build.
        let most = if round < 3 { 300 } else { 1_500 };
        sleep(Duration::from_millis(random.random_range(10..most))).await;
        server.kill().expect("it runs");
        server.wait().expect("it ends");
    }
    site.serve();
    sleep(Duration::from_secs(1)).await;
    let mut committed = 0;
    for writer in writers {
        committed += writer.stop().await;
    }
    site.check().await;
    println!("{committed} transactions were committed");

    let ended = site.server.take().map(Server::terminate);
    assert!(ended.is_some_and(|status| status.success()));
    site.postgres
        .execute("UPDATE people SET headline = 'while it is away'")
        .await;
    site.serve();
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_without_its_slot_is_built_again_until_a_log_has_begun() {
    let Some(mut site) = site().await else {
        return;
    };
    site.serve();
    site.server.take().map(Server::terminate);
    // The moment after the snapshot was written, and before its slot.
    std::fs::remove_dir_all(site.folder.path().join("log")).expect("the log");
    let drop = "SELECT pg_drop_replication_slot('cloud')";
    site.postgres.execute(drop).await;
    site.postgres
        .execute("UPDATE people SET headline = 'not in that snapshot'")
        .await;
    site.serve();
    site.check().await;
    assert!(site.printed().contains("it is built again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_lacks_is_refused_before_anything_is_made() {
    let Some(mut site) = site().await else {
        return;
    };
    let refused = async |site: &mut CapturedSite, words: &[&str]| {
        let log = site.try_serve(&[]).expect_err("it is refused");
        for word in words {
            assert!(log.contains(word), "no {word:?} in {log}");
        }
        assert_eq!(slots(site).await, "0");
        let snapshots = newest_snapshots(&site.folder.path().join("site"));
        assert_eq!(snapshots.expect("the folder"), [] as [PathBuf; 0]);
    };
    site.postgres
        .execute("ALTER TABLE links REPLICA IDENTITY NOTHING")
        .await;
    refused(
        &mut site,
        &["public.links", "databus capture postgres --check"],
    )
    .await;
    site.postgres
        .execute("ALTER TABLE links REPLICA IDENTITY DEFAULT; DROP PUBLICATION cloud")
        .await;
    refused(&mut site, &["publication cloud does not exist"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_rules_refuse_are_listed_up_to_a_limit() {
    let Some(mut site) = site().await else {
        return;
    };
    site.postgres
        .execute(
            "INSERT INTO people (id, first_name, last_name, headline)
             SELECT n, 'given', 'family', repeat('x', 2000) FROM generate_series(501, 503) n",
        )
        .await;
    let log = site.try_serve(&["--dead-letters-max", "2"]);
    let log = log.expect_err("it is refused");
    assert!(
        log.contains("more than 2 rows of the core database break a rule"),
        "{log}"
    );
    assert_eq!(slots(&site).await, "0");
    site.serve();
    let rejects = site.folder.path().join("site/rejects.csv");
    let rejects = std::fs::read_to_string(rejects).expect("a list");
    assert_eq!(rejects.lines().count(), 4, "{rejects}");
    site.postgres
        .execute("UPDATE people SET headline = 'short' WHERE id > 500")
        .await;
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_capture_has_ended_says_so_and_answers() {
    let Some(mut site) = site().await else {
        return;
    };
    site.serve();
    site.check().await;
    site.postgres.execute("TRUNCATE links").await;
    let server = site.server.as_ref().expect("a server");
    let begun = Instant::now();
    let page = loop {
        let (status, page) = http::get(server.admin(), "/readyz").expect("a page");
        assert_eq!(status, 200, "{page}");
        if page.contains("no longer captured") {
            break page;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{page}");
        sleep(Duration::from_millis(50)).await;
    };
    assert!(page.contains("table public.links was truncated"), "{page}");
    let connections = server.connect().await;
    let status = connections.admin.status().await.expect("the status");
    assert!(
        status
            .warnings
            .iter()
            .any(|text| text.contains("truncated")),
        "{status:?}"
    );
    let sizes = connections.client.network_sizes(1, false).await;
    assert_eq!(sizes.expect("an answer").first, 1);
    let (_, metrics) = http::get(server.admin(), "/metrics").expect("a page");
    assert!(metrics.contains("cloud_capture_streaming 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_windows_are_written_while_a_read_waits() {
    let Some(mut site) = site().await else {
        return;
    };
    site.serve();
    site.check().await;
    let source = site.source_id().await;
    let before = site.head().await;
    for _ in 0..20 {
        site.postgres
            .execute("INSERT INTO unmapped (note) VALUES ('x')")
            .await;
        sleep(Duration::from_millis(50)).await;
    }
    let after = site.head().await;
    assert!(after <= before + 1, "{before} to {after}: no read waits");
    let client = site
        .server
        .as_ref()
        .expect("a server")
        .connect()
        .await
        .client;
    let mut longest = Duration::ZERO;
    for _ in 0..rounds(5, 50) {
        site.postgres
            .execute("INSERT INTO unmapped (note) VALUES ('x')")
            .await;
        let point = Point::source(source.clone(), site.position().await);
        let begun = Instant::now();
        let sizes = client.at_least(point).network_sizes(1, false).await;
        sizes.expect("an answer");
        longest = longest.max(begun.elapsed());
    }
    println!("the longest wait: {longest:?}");
    assert!(longest < Duration::from_secs(3), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_folder() {
    let Some(mut site) = site().await else {
        return;
    };
    site.serve();
    let first = site.server.take();
    let log = site.try_serve(&[]).expect_err("it is refused");
    assert!(log.contains("data: "), "{log}");
    site.server = first;
    site.check().await;
}
