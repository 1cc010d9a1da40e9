//! The stream of changes, under load and through crashes.

use std::time::Duration;

use cloud_tests::rounds::rounds;
use tokio::time::sleep;

use super::{site::CapturedSite, writer::Writer};

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
