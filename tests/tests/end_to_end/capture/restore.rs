//! The log is restored from an earlier copy, which lacks what the slot was confirmed for: capture
//! ends without having written anything.

use std::{path::Path, time::Duration};

use cloud_tests::{cloudctl::cloudctl, postgres::Postgres, rounds::rounds, until::until};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, SCHEMA, ends_with, lsn},
    writer::Writer,
};

/// Copies the site and the log of the running server.
fn back_up(site: &CapturedSite, target: &Path) {
    let server = site.server.as_ref().expect("a server");
    let made = cloudctl(server, &["backup", target.to_str().expect("UTF-8")]);
    assert!(made.status.success(), "{made:?}");
}

/// Returns the position that the slot was confirmed for.
async fn confirmed(site: &CapturedSite) -> u64 {
    let query = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots";
    lsn(&site.postgres.value(query).await)
}

/// Returns the last offset of the database in the log.
async fn last(site: &CapturedSite) -> u64 {
    let source_id = site.source_id().await;
    let server = site.server.as_ref().expect("a server");
    let last = server.connect().await.admin.source(&source_id).await;
    last.expect("an answer").expect("a known source")
}

/// Waits until the slot is confirmed for all that is in the log, and ends capture.
async fn end_capture(site: &mut CapturedSite) {
    until("the slot is confirmed", async || {
        (confirmed(site).await >= last(site).await).then_some(())
    })
    .await;
    site.kill_capture();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_restored_from_an_earlier_copy_is_a_gap() {
    let Some(postgres) = Postgres::start().await else {
        return;
    };
    postgres.execute(SCHEMA).await;
    let writer = Writer::start(&postgres.address(), 18);
    sleep(Duration::from_millis(500)).await;
    let mut site = CapturedSite::build(postgres);
    site.capture();
    let mut copies = Vec::new();
    for number in 0..rounds(5, 20) {
        sleep(Duration::from_millis(400)).await;
        let copy = site.folder.path().join(format!("copy-{number}"));
        back_up(&site, &copy);
        copies.push(copy);
    }
    sleep(Duration::from_secs(1)).await;
    writer.stop().await;
    site.check().await;
    end_capture(&mut site).await;
    let latest = site.folder.path().join("latest");
    back_up(&site, &latest);

    for copy in &copies {
        site.restore(copy);
        let (before, last) = (site.head().await, last(&site).await);
        assert!(last < confirmed(&site).await, "{}", copy.display());
        site.capture();
        ends_with(
            &mut site,
            &["SOURCE_GAP", "slot cloud stands at", "bootstrap again"],
        );
        assert_eq!(site.head().await, before, "nothing is written");
    }

    site.restore(&latest);
    let writer = Writer::start(&site.postgres.address(), 19);
    site.capture();
    sleep(Duration::from_millis(500)).await;
    writer.stop().await;
    site.check().await;
}
