//! The primary is lost, and a standby is promoted: capture goes on there if the slot followed, and
//! else ends without having written anything.

use std::{
    mem,
    time::{Duration, Instant},
};

use cloud_tests::{
    postgres::{Postgres, PostgresOptions},
    rounds::rounds,
    until::until,
};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA, ends_with},
    writer::Writer,
};

/// The slot on a standby that can be promoted without a loss.
const FOLLOWED: &str = "
    SELECT count(*)::text FROM pg_replication_slots
    WHERE slot_name = 'cloud' AND synced AND failover AND NOT temporary
      AND invalidation_reason IS NULL";

/// Builds a site from a primary under load, and captures it.
async fn captured(primary: Postgres, writers: &mut Vec<Writer>) -> CapturedSite {
    writers.extend([14, 15].map(|seed| Writer::start(&primary.address(), seed)));
    sleep(Duration::from_millis(500)).await;
    let mut site = CapturedSite::build(primary);
    site.capture();
    site
}

/// Loses the primary under load, and promotes the standby, which takes its place in the site.
async fn fail_over(site: &mut CapturedSite, standby: Postgres, writers: Vec<Writer>) {
    site.postgres.kill();
    let begun = Instant::now();
    standby.promote().await;
    println!("promoted after {:?}", begun.elapsed());
    let mut committed = 0;
    for writer in writers {
        committed += writer.stop().await;
    }
    println!("{committed} transactions were committed on the primary");
    drop(mem::replace(&mut site.postgres, standby));
    site.kill_capture();
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_goes_on_at_a_standby_that_has_the_slot() {
    let Some(options) = PostgresOptions::of_version(18) else {
        return;
    };
    let options = options
        .with("hot_standby_feedback", "on")
        .with("sync_replication_slots", "on");
    for _ in 0..rounds(1, 5) {
        let primary = Postgres::start_with(options.clone()).await;
        primary.execute(SCHEMA).await;
        let standby = primary.standby("standby").await;
        // The promoted server must not wait for a standby that it does not have.
        let waits = "ALTER SYSTEM SET synchronized_standby_slots = 'standby'";
        primary.execute(waits).await;
        primary.execute("SELECT pg_reload_conf()").await;
        let mut writers = Vec::new();
        let mut site = captured(primary, &mut writers).await;
        until("the slot follows to the standby", async || {
            (standby.value(FOLLOWED).await == "1").then_some(())
        })
        .await;
        sleep(Duration::from_secs(1)).await;
        fail_over(&mut site, standby, writers).await;

        let writer = Writer::start(&site.postgres.address(), 16);
        site.capture();
        sleep(Duration::from_secs(1)).await;
        let committed = writer.stop().await;
        println!("{committed} transactions were committed on the promoted standby");
        site.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_without_the_slot_is_a_gap() {
    let Some(options) = PostgresOptions::of_version(15) else {
        return;
    };
    let primary = Postgres::start_with(options).await;
    primary.execute(SCHEMA).await;
    let standby = primary.standby("standby").await;
    let mut writers = Vec::new();
    let mut site = captured(primary, &mut writers).await;
    sleep(Duration::from_secs(1)).await;
    fail_over(&mut site, standby, writers).await;
    let before = settled_head(&site).await;

    site.capture();
    ends_with(&mut site, &["SOURCE_GAP", "there is no slot cloud"]);
    assert_eq!(site.head().await, before, "nothing is written");

    let create = "SELECT pg_create_logical_replication_slot('cloud', 'pgoutput')";
    site.postgres.execute(create).await;
    let writer = Writer::start(&site.postgres.address(), 17);
    site.capture();
    ends_with(&mut site, &["SOURCE_GAP", "bootstrap again"]);
    writer.stop().await;
    assert_eq!(site.head().await, before, "nothing is written");
}

/// Returns the log's head when the windows of the killed capture have arrived.
async fn settled_head(site: &CapturedSite) -> u64 {
    let mut before = site.head().await;
    loop {
        sleep(Duration::from_millis(200)).await;
        let head = site.head().await;
        if head == before {
            return head;
        }
        before = head;
    }
}
