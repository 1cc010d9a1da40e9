//! The stream of changes, under load and through crashes.

use std::time::{Duration, Instant};

use cloud_tests::{postgres::Postgres, rounds::rounds};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA},
    writer::Writer,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_site_equals_the_database_though_capture_is_killed() {
    let Some(mut site) = CapturedSite::start().await else {
        return;
    };
    site.begin().await;
    site.capture();
    let writers = [1, 2].map(|seed| Writer::start(&site.postgres.address(), seed));
    for _ in 0..rounds(3, 20) {
        sleep(Duration::from_millis(700)).await;
        site.kill_capture();
        site.capture();
    }
    sleep(Duration::from_secs(1)).await;
    let mut committed = 0;
    for writer in writers {
        committed += writer.stop().await;
    }
    site.check().await;
    println!("{committed} transactions were committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_built_while_the_application_writes_and_then_follows() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    let writers = [5, 6].map(|seed| Writer::start(&postgres.address(), seed));
    sleep(Duration::from_secs(1)).await;
    let mut site = CapturedSite::build(postgres);
    site.capture();
    sleep(Duration::from_secs(1)).await;
    for writer in writers {
        writer.stop().await;
    }
    site.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_other_columns_are_dropped_and_positions_are_stated_as_often_as_set() {
    let Some(mut site) = CapturedSite::start().await else {
        return;
    };
    site.postgres
        .execute(
            "ALTER TABLE people ADD COLUMN seen_at timestamptz;
             INSERT INTO people (id, first_name, last_name)
                 SELECT n, 'given' || n, 'family' FROM generate_series(1, 50) n;",
        )
        .await;
    site.begin().await;
    let pages = ["--ops-listen", "127.0.0.1:0"];
    site.capture_with(&[&pages[..], &["--position-every", "500"]].concat());
    site.postgres
        .execute("UPDATE people SET headline = 'seen'")
        .await;
    site.until_metric("cloud_capture_windows_total 1").await;

    site.postgres
        .execute("UPDATE people SET seen_at = now()")
        .await;
    site.until_metric("cloud_capture_rows_total{table=\"public.people\"} 100")
        .await;
    let every = Some(Duration::from_millis(5));
    let before = site.metric("cloud_capture_empty_windows_total").await;
    let begun = Instant::now();
    let writer = Writer::start_with(&site.postgres.address(), 1, every, |_| {
        "INSERT INTO unmapped (note) VALUES ('x')".to_owned()
    });
    sleep(Duration::from_secs(4)).await;
    writer.stop().await;
    let stated = site.metric("cloud_capture_empty_windows_total").await - before;
    let most = begun.elapsed().as_millis() / 500 + 1;
    assert!((2..=most).contains(&stated.into()), "{stated} of {most}");
    assert_eq!(site.metric("cloud_capture_windows_total").await, 1);
}
